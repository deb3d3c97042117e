"""The program's icon in the forms that Windows and macOS ask for: `PYTHON packaging/icons.py OUT_DIR`.

Drawn from assets/icons/pterion.svg by Qt and written by Pillow, with the Python of build/environment.
"""

import io
import os
import sys
from pathlib import Path

SIZES_PX = (16, 24, 32, 48, 64, 128, 256, 512, 1024)


def main(argv: list[str]) -> int:
    """Write pterion.ico, pterion.icns and pterion.png into the folder that `argv` names."""
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    from PIL import Image
    from PySide6.QtCore import QBuffer, QByteArray, QIODevice, Qt
    from PySide6.QtGui import QGuiApplication, QImage, QPainter
    from PySide6.QtSvg import QSvgRenderer

    app = QGuiApplication(sys.argv[:1])
    out = Path(argv[0])
    out.mkdir(parents=True, exist_ok=True)
    renderer = QSvgRenderer(str(Path(__file__).resolve().parent.parent / "assets" / "icons" / "pterion.svg"))
    drawn = []
    for size in SIZES_PX:
        image = QImage(size, size, QImage.Format.Format_ARGB32)
        image.fill(Qt.GlobalColor.transparent)
        painter = QPainter(image)
        renderer.render(painter)
        painter.end()
        data = QByteArray()
        buffer = QBuffer(data)
        buffer.open(QIODevice.OpenModeFlag.WriteOnly)
        image.save(buffer, "PNG")
        drawn.append(Image.open(io.BytesIO(data.data())))
    drawn[-1].save(out / "pterion.png")
    drawn[-1].save(out / "pterion.icns", append_images=drawn[:-1])
    largest = drawn[SIZES_PX.index(256)]
    largest.save(out / "pterion.ico", sizes=[(size, size) for size in SIZES_PX if size <= 256])
    app.quit()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
