"""The service's errors: a code that programs branch on, and a sentence that says what to do."""


class ServiceError(Exception):
    """An answer of the service that is an error; ``code`` is the name of the exception in botocore's models."""

    def __init__(self, code: str, message: str, status: int = 400):
        super().__init__(message)
        self.code = code
        self.status = status


def invalid(message: str) -> ServiceError:
    """The request cannot be carried out as it is written; also the code of every broken constraint of the model."""
    return ServiceError("InvalidInputException", message)


def not_found(arn: str) -> ServiceError:
    """There is no such resource."""
    return ServiceError("ResourceNotFoundException", f"Could not find resource {arn}")


def exists(arn: str) -> ServiceError:
    """The name is taken."""
    return ServiceError("ResourceAlreadyExistsException", f"Another resource with Arn {arn} already exists.")


def in_use(message: str) -> ServiceError:
    """Something else stands in the way; the message names it."""
    return ServiceError("ResourceInUseException", message)


def limit(message: str) -> ServiceError:
    """A quota is reached."""
    return ServiceError("LimitExceededException", message)
