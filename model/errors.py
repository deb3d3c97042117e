"""The family of errors whose cause is the input or the machine, never a bug."""


class PterionError(Exception):
    """The input or the machine is at fault.

    The text says what happened, where, and what to do, without patient data. `code` is stable and
    machine-readable (it appears in the command line's JSON).
    """

    code = "INPUT_ERROR"

    def __init__(self, text: str, *, code: str | None = None) -> None:
        super().__init__(text)
        if code is not None:
            self.code = code


class InvalidSampleError(PterionError):
    """A training sample breaks a rule of `model.sample`."""

    code = "INVALID_SAMPLE"


class ModelFileError(PterionError):
    """A model's files are missing, damaged or of another version."""

    code = "MODEL_FILE"


class Cancelled(Exception):
    """The user asked a long job to stop; it is neither an error nor a result."""
