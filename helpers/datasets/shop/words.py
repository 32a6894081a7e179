"""What the shop sells, as tables: themes, ranges of products, colours. Everything here is invented."""

from dataclasses import dataclass

CATEGORIES = (
    "Baby",
    "Bags",
    "Bathroom",
    "Candles",
    "Christmas",
    "Food",
    "Garden",
    "Gift Wrap",
    "Home Decor",
    "Jewellery",
    "Kitchen",
    "Party",
    "Stationery",
    "Toys",
)


@dataclass(frozen=True)
class Theme:
    """A design family.

    Attributes:
        name: as written in titles.
        age, gender: how much taste for it grows with age (per 15 years) and is stronger among women (+) or men (-).
        peak: day of the year around which it is in season; None = all year.
        strength: by how much the log of its attraction rises at the peak.
    """

    name: str
    age: float = 0.0
    gender: float = 0.0
    peak: int | None = None
    strength: float = 0.0


THEMES = (  # in a ring: buyers of one theme move on to the next one
    Theme("Harbour Stripe", 0.3, -0.3, 195, 1.6),
    Theme("Moonlit Sky", -0.4, 0.2),
    Theme("Spring Meadow", 0.4, 0.5, 105, 1.6),
    Theme("Circus Parade", -0.2, -0.1),
    Theme("Woodland Fox", -0.2, 0.1),
    Theme("Pumpkin Lane", 0.1, 0.1, 290, 1.9),
    Theme("Tea Rose", 0.6, 0.6),
    Theme("Dinosaur Valley", -0.3, -0.5),
    Theme("Vintage Railway", 0.7, -0.7),
    Theme("Winter Cabin", 0.1, 0.0, 342, 2.0),
    Theme("Candy Shop", -0.6, 0.4),
    Theme("Alpine Folk", 0.4, 0.0),
    Theme("Desert Cactus", -0.7, 0.2, 180, 0.9),
    Theme("City Lights", -0.5, -0.3),
    Theme("Botanical Fern", 0.2, 0.2, 130, 0.9),
    Theme("Polka Dot", 0.0, 0.5),
)


@dataclass(frozen=True)
class Kind:
    """A sort of product.

    Attributes:
        name: as written in titles.
        price: usual price in pounds.
        categories: one or two of :data:`CATEGORIES`, the main one first.
        period: days after which a buyer needs it again; None = it lasts.
    """

    name: str
    price: float
    categories: tuple[str, ...]
    period: int | None = None


def _range(main: str, text: str) -> tuple[Kind, ...]:
    """Read ``name, price[, second category][, period]`` lines."""
    kinds = []
    for line in text.strip().splitlines():
        name, price, *more = (part.strip() for part in line.split(","))
        second = tuple(word for word in more if not word.isdigit())
        period = next((int(word) for word in more if word.isdigit()), None)
        kinds.append(Kind(name, float(price), (main, *second), period))
    return tuple(kinds)


RANGES = (  # each in the order in which people usually complete a set
    _range(
        "Kitchen",
        """
        Teapot, 18.5
        Teacup and Saucer, 7.5
        Milk Jug, 6.2
        Cake Stand, 16.0, Party
        Paper Napkins, 2.6, Party, 30
        Loose Leaf Tea, 6.4, Food, 35
        Shortbread Biscuits, 4.9, Food, 25
        """,
    ),
    _range(
        "Kitchen",
        """
        Apron, 12.5
        Oven Glove, 8.9
        Mixing Bowl, 13.8
        Cookie Cutters, 5.4
        Cupcake Cases, 2.2, Food, 30
        Recipe Box, 9.7, Stationery
        Tea Towel, 4.8
        """,
    ),
    _range(
        "Food",
        """
        Jam Jar Set, 8.4, Kitchen
        Strawberry Jam, 4.2, 30
        Honey Pot, 5.9, 40
        Chutney, 4.5, 35
        Fudge Box, 6.1, 25
        Hamper Basket, 24.0, Home Decor
        """,
    ),
    _range(
        "Candles",
        """
        Candle Holder, 7.2, Home Decor
        Scented Candle, 6.8, 35
        Tea Light Pack, 3.1, 30
        Lantern, 14.5, Garden
        Candle Plate, 4.4
        Wax Melts, 3.9, 28
        Snuffer, 5.6
        """,
    ),
    _range(
        "Home Decor",
        """
        Cushion Cover, 11.9
        Throw Blanket, 26.0
        Wall Clock, 19.5
        Photo Frame, 8.8
        Bunting, 7.4, Party
        Doorstop, 10.2
        Coat Hooks, 12.8
        """,
    ),
    _range(
        "Garden",
        """
        Watering Can, 15.6
        Plant Pot, 6.6
        Seed Packet, 2.4, 45
        Garden Gloves, 7.1
        Bird Feeder, 11.3
        Bird Seed, 4.7, 28
        Plant Markers, 3.6
        """,
    ),
    _range(
        "Stationery",
        """
        Notebook, 5.2, 60
        Pencil Case, 4.9, Toys
        Pencil Set, 3.3, 50
        Greeting Cards, 3.9, Gift Wrap, 30
        Writing Paper, 4.6, 45
        Desk Calendar, 7.7
        Sticker Sheet, 1.9, Toys, 40
        """,
    ),
    _range(
        "Gift Wrap",
        """
        Wrapping Paper, 2.9, 28
        Gift Bag, 2.3, Bags, 30
        Ribbon Reel, 2.7, 35
        Gift Tags, 1.8, 30
        Tissue Paper, 1.6, 35
        Gift Box, 4.1
        """,
    ),
    _range(
        "Party",
        """
        Paper Plates, 2.8, Kitchen, 35
        Paper Cups, 2.5, Kitchen, 35
        Balloons, 2.1, Toys, 40
        Party Hats, 3.2
        Cake Candles, 1.9, Candles, 40
        Invitations, 3.8, Stationery
        """,
    ),
    _range(
        "Toys",
        """
        Jigsaw Puzzle, 9.4
        Card Game, 6.3
        Spinning Top, 4.2
        Soft Toy, 12.4, Baby
        Paint Set, 7.6, 60
        Skittles, 13.2, Garden
        Night Light, 11.8, Baby
        """,
    ),
    _range(
        "Baby",
        """
        Baby Bib, 5.8
        Baby Blanket, 18.9
        Rattle, 6.9, Toys
        Milestone Cards, 7.3, Stationery
        Building Blocks, 14.2, Toys
        Baby Wipes Pouch, 4.3, Bathroom, 28
        """,
    ),
    _range(
        "Bags",
        """
        Shopper Bag, 4.4
        Lunch Bag, 6.9, Kitchen
        Wash Bag, 9.2, Bathroom
        Backpack, 21.0
        Coin Purse, 5.3, Jewellery
        Umbrella, 14.9
        """,
    ),
    _range(
        "Bathroom",
        """
        Soap Dish, 5.7
        Hand Soap, 4.4, 28
        Bath Salts, 5.9, 32
        Hand Cream, 6.7, 35
        Towel, 12.2
        Bath Mat, 15.3
        """,
    ),
    _range(
        "Jewellery",
        """
        Trinket Box, 8.6, Home Decor
        Bracelet, 9.9
        Necklace, 13.7
        Earrings, 10.8
        Brooch, 7.9
        Hair Slides, 3.7, 60
        """,
    ),
    _range(
        "Christmas",
        """
        Advent Calendar, 12.9, Toys
        Tree Bauble, 3.8, Home Decor
        Christmas Crackers, 9.5, Party
        Christmas Cards, 4.2, Stationery, 40
        Wreath, 17.4, Home Decor
        Fairy Lights, 11.6
        Stocking, 8.3
        """,
    ),
)

SEASONAL_CATEGORIES = {  # category -> (peak day of the year, strength)
    "Christmas": (338, 2.6),
    "Garden": (140, 1.4),
    "Candles": (325, 0.8),
    "Gift Wrap": (335, 0.7),
    "Party": (170, 0.4),
    "Toys": (335, 0.5),
}

CATEGORY_TASTE = {  # category -> (growth of taste with age, per 15 years; lean towards women)
    "Baby": (-0.5, 0.4),
    "Bags": (-0.2, 0.4),
    "Bathroom": (0.0, 0.4),
    "Candles": (0.0, 0.3),
    "Food": (0.3, -0.2),
    "Garden": (0.7, -0.2),
    "Jewellery": (-0.4, 0.9),
    "Kitchen": (0.2, 0.1),
    "Party": (-0.5, 0.1),
    "Toys": (-0.4, -0.4),
}

DEVICES = ("desktop", "mobile", "tablet")

DEVICE_TASTE = {  # category -> lift of the log of its attraction on desktop, mobile, tablet
    "Bags": (-0.3, 0.7, 0.0),
    "Garden": (0.7, -0.7, 0.2),
    "Home Decor": (0.6, -0.6, 0.3),
    "Jewellery": (-0.6, 0.9, 0.0),
    "Kitchen": (0.3, -0.4, 0.3),
    "Party": (-0.3, 0.5, 0.0),
    "Stationery": (0.5, -0.2, -0.2),
    "Toys": (-0.2, 0.0, 0.7),
    "Baby": (-0.3, 0.1, 0.6),
}

COLOURS = (
    "Ivory",
    "Sage Green",
    "Powder Blue",
    "Berry Red",
    "Mustard",
    "Charcoal",
    "Blush Pink",
    "Teal",
    "Copper",
    "Lavender",
    "Coral",
    "Navy",
)

NAME_WORDS = (
    "amber apple aspen badger basil beech birch bramble briar brook clover comet copper coral daisy dapple ember fable fern "
    "finch flint ginger hazel heron holly honey indigo iris ivy jasper juniper kestrel lark laurel lichen linden lupin magpie "
    "maple marble marlow meadow mint misty moss myrtle nettle nutmeg oak olive opal orchid otter pebble pepper pine plover "
    "poppy quill raven reed robin rowan rush sable saffron sage shell sorrel sparrow swift tansy teasel thistle thyme tulip "
    "velvet violet walnut willow wren yarrow"
).split()
