"""What the site has beside the pages of assets/docs: the card of the bundled model, under the name that links use.

MkDocs calls this; see mkdocs.yml.
"""

from pathlib import Path
from typing import Any

MODELS = Path(__file__).resolve().parent.parent / "assets" / "models"


def on_files(files: Any, config: Any) -> Any:
    """Add the card of the model, as it is bundled."""
    from mkdocs.structure.files import File

    for number, card in enumerate(sorted(MODELS.glob("*/card.md"))):
        name = "card.md" if number == 0 else f"card-{card.parent.name}.md"
        files.append(File.generated(config, name, content=card.read_text(encoding="utf-8")))
    return files
