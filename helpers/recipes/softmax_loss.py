"""The loss of next-item prediction over a whole catalogue, without keeping a score for every item in memory.

Cross entropy against a full softmax needs ``n x n_items`` scores, and their gradient is as large again; at 768 positions and
4,000 items that is most of the time a training takes, spent on moving memory. The gradient of the softmax's normaliser is known
in closed form, so it is computed in the forward pass, block by block, while the block's scores are still in the cache::

    log Z(q) = log sum_i exp(q . v_i + b_i)
    d log Z / d q   = sum_i p_i v_i              with  p = softmax of the scores
    d log Z / d v_i = p_i q,    d log Z / d b_i = p_i

Only matrices of the size of ``q`` and ``v`` are kept for the backward pass.
"""

import torch

_BLOCK_CELLS = 2_000_000


class _LogNormaliser(torch.autograd.Function):
    @staticmethod
    def forward(ctx, queries, vectors, bias, trend_weight, trend, moments):
        n = len(queries)
        d_queries, d_vectors, d_bias = torch.empty_like(queries), torch.zeros_like(vectors), torch.zeros_like(bias)
        d_trend_weight = torch.zeros_like(trend_weight)
        total = queries.new_zeros(())
        step = max(32, _BLOCK_CELLS // len(vectors))
        for start in range(0, n, step):
            block = slice(start, start + step)
            scores = torch.addmm(bias, queries[block], vectors.T)
            if trend is not None:
                moved = trend[moments[block]]
                scores.addcmul_(moved, trend_weight)
            highest = scores.amax(dim=1, keepdim=True)
            probabilities = scores.sub_(highest).exp_()
            sums = probabilities.sum(dim=1, keepdim=True)
            total += (highest + sums.log()).sum()
            probabilities.div_(sums)
            torch.mm(probabilities, vectors, out=d_queries[block])
            d_vectors.addmm_(probabilities.T, queries[block])
            d_bias += probabilities.sum(dim=0)
            if trend is not None:
                d_trend_weight += (probabilities * moved).sum()
        ctx.save_for_backward(d_queries / n, d_vectors / n, d_bias / n, d_trend_weight / n)
        return total / n

    @staticmethod
    def backward(ctx, grad):
        return *(grad * saved for saved in ctx.saved_tensors), None, None


def mean_log_normaliser(
    queries: torch.Tensor,
    vectors: torch.Tensor,
    bias: torch.Tensor,
    trend_weight: torch.Tensor,
    trend: torch.Tensor | None = None,
    moments: torch.Tensor | None = None,
) -> torch.Tensor:
    """Return the mean over queries of ``log sum_i exp(q . v_i + b_i + trend_weight * trend[moment, i])``.

    Args:
        queries: ``(n, d)``. vectors: ``(n_items, d)``. bias: ``(n_items,)``. trend_weight: ``(1,)``.
        trend: ``(n_moments, n_items)``, not learned; None = no such term.
        moments: row of ``trend`` for each query, int64 ``(n,)``.
    """
    return _LogNormaliser.apply(queries, vectors, bias, trend_weight, trend, moments)
