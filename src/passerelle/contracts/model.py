"""What every hand-written file is: frozen, and strict about its keys."""

import pydantic


class Contract(pydantic.BaseModel):
    """A file, or part of one, that somebody wrote by hand. Unknown keys are refused."""

    model_config = pydantic.ConfigDict(frozen=True, extra="forbid", populate_by_name=True)
