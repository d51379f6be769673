"""What the import route takes."""

from pydantic import BaseModel, ConfigDict, Field

# Presigned addresses are long.
LONGEST_URL = 8192


class NewImport(BaseModel):
    """A file on another server that is to become a video."""

    model_config = ConfigDict(extra="forbid")

    url: str = Field(
        min_length=1,
        max_length=LONGEST_URL,
        description="A public http(s) address of the file itself; presigned addresses work. Without user and password.",
        examples=["https://example.com/talk.mp4"],
    )
    filename: str | None = Field(
        None, min_length=1, max_length=1024, description="Left out: as the server, else the address calls it."
    )
    title: str | None = Field(None, min_length=1, max_length=255)
