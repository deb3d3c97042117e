"""The look: colours, sizes and type, written once; the stylesheet takes them from here."""

from functools import lru_cache

from PySide6.QtCore import QEvent, QObject, QSize, Qt
from PySide6.QtGui import (
    QColor,
    QFont,
    QFontDatabase,
    QIcon,
    QImage,
    QPainter,
    QPalette,
    QPixmap,
    QShowEvent,
)
from PySide6.QtWidgets import (
    QAbstractItemView,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QFrame,
    QLabel,
    QPushButton,
    QScrollArea,
    QSlider,
    QVBoxLayout,
    QWidget,
)

from viewer.preferences import Preferences
from viewer.resources import asset
from viewer.ui.looks import BY_PALETTE, CONTRASTS, NORMAL

IMAGE = NORMAL["IMAGE"]
PANEL = NORMAL["PANEL"]
CARD = NORMAL["CARD"]
RAISED = NORMAL["RAISED"]
HAIRLINE = NORMAL["HAIRLINE"]
EDGE = NORMAL["EDGE"]
TEXT = NORMAL["TEXT"]
BRIGHT = NORMAL["BRIGHT"]
QUIET = NORMAL["QUIET"]
ACCENT = NORMAL["ACCENT"]
ACCENT_DARK = NORMAL["ACCENT_DARK"]
ACCENT_HOVER = NORMAL["ACCENT_HOVER"]
AMBER = NORMAL["AMBER"]
AMBER_DARK = NORMAL["AMBER_DARK"]
RED = NORMAL["RED"]
RED_DARK = NORMAL["RED_DARK"]
GREEN = NORMAL["GREEN"]
GREEN_DARK = NORMAL["GREEN_DARK"]

TEXT_PX = 12.5
LABEL_PX = 11.0
TITLE_PX = 15.0

LEFT_WIDTH = 236
RIGHT_WIDTH = 300
BAR_HEIGHT = 36

_SPACED, _HELD, _DRESS = "spaced", "held", "dress"
"""Properties of widgets that follow the size of the text, and the colours."""
_chosen = Preferences()
_RGB = {
    id_: tuple((each[0], each[1], each[2]) for each in (bytes.fromhex(c[1:]) for c in colours.values()))
    for id_, colours in BY_PALETTE.items()
}
_WEIGHTS = {400: QFont.Weight.Normal, 500: QFont.Weight.Medium, 600: QFont.Weight.DemiBold}


def _points(pixels: float) -> float:
    screen = QApplication.primaryScreen()
    return _chosen.text_scale * pixels * 72 / (screen.logicalDotsPerInch() if screen else 96)


def font(pixels: float = TEXT_PX, weight: int = 400) -> QFont:
    """Inter at `pixels` logical pixels; digits all have one width, so that numbers do not dance."""
    return QFont(_font(_points(pixels), weight))


@lru_cache(maxsize=64)
def _font(points: float, weight: int) -> QFont:
    """Made once: lists ask for theirs several times a row."""
    result = QFont("Inter")
    result.setPointSizeF(points)
    result.setWeight(_WEIGHTS[weight])
    result.setFeature(QFont.Tag("tnum"), 1)
    return result


def apply(app: QApplication) -> None:
    """Give the application its bundled font, dark palette and stylesheet."""
    app.setStyle("Fusion")
    for face in ("Regular", "Medium", "SemiBold"):
        QFontDatabase.addApplicationFont(str(asset(f"fonts/Inter-{face}.otf")))
    app.setWindowIcon(QIcon(str(asset("icons/pterion.svg"))))
    app.setFont(font())
    app.setPalette(_palette())
    app.setStyleSheet(_stylesheet())


def use(preferences: Preferences) -> None:
    """Take text size, contrast and the colours of the subtypes; what is on the screen follows."""
    global _chosen
    before, _chosen = _chosen, preferences
    globals().update(CONTRASTS[preferences.contrast])
    app = QApplication.instance()
    if not isinstance(app, QApplication) or _look(before) == _look(preferences):
        return
    if before.contrast != preferences.contrast:
        app.setPalette(_palette())
    if before.text_scale != preferences.text_scale:
        app.setFont(font())
    if _look(before)[:2] != _look(preferences)[:2]:
        app.setStyleSheet(_stylesheet())
    for widget in app.allWidgets():
        if widget.property(_SPACED):
            widget.setFont(_heading_font())
        _hold(widget)
        own = widget.property(_DRESS)
        if own is not None and before.contrast != preferences.contrast:
            widget.setStyleSheet(_filled(own))
        if isinstance(widget, QAbstractItemView):
            widget.scheduleDelayedItemsLayout()
        widget.updateGeometry()
        widget.update()


def _look(preferences: Preferences) -> tuple[float, str, str]:
    return (preferences.text_scale, preferences.contrast, preferences.palette)


def scaled(pixels: float) -> int:
    """A length that grows with the text, in logical pixels."""
    return round(pixels * _chosen.text_scale)


def hold(widget: QWidget, *, height: float = 0, width: float = 0, least_width: float = 0) -> None:
    """Fix a widget's height or width, or its least width, at lengths that grow with the text, now and later."""
    widget.setProperty(_HELD, [height, width, least_width])
    _hold(widget)


def _hold(widget: QWidget) -> None:
    held = widget.property(_HELD)
    if held is None:
        return
    height, width, least_width = (scaled(float(length)) for length in held)
    if height:
        widget.setFixedHeight(height)
    if width:
        widget.setFixedWidth(width)
    if least_width:
        widget.setMinimumWidth(least_width)


def subtype_colour(code: str) -> str:
    """The colour of a subtype, `#rrggbb`, in the palette that the reader chose."""
    return BY_PALETTE[_chosen.palette][code]


def subtype_rgb() -> tuple[tuple[int, int, int], ...]:
    """Red, green, blue of each subtype, in their order."""
    return _RGB[_chosen.palette]


def _palette() -> QPalette:
    palette = QPalette()
    roles = {
        QPalette.ColorRole.Window: PANEL,
        QPalette.ColorRole.WindowText: TEXT,
        QPalette.ColorRole.Base: IMAGE,
        QPalette.ColorRole.AlternateBase: CARD,
        QPalette.ColorRole.Text: TEXT,
        QPalette.ColorRole.Button: CARD,
        QPalette.ColorRole.ButtonText: TEXT,
        QPalette.ColorRole.Highlight: ACCENT_DARK,
        QPalette.ColorRole.HighlightedText: BRIGHT,
        QPalette.ColorRole.ToolTipBase: RAISED,
        QPalette.ColorRole.ToolTipText: TEXT,
        QPalette.ColorRole.PlaceholderText: QUIET,
        QPalette.ColorRole.Link: ACCENT,
    }
    for role, colour in roles.items():
        palette.setColor(role, QColor(colour))
    for role in (QPalette.ColorRole.Text, QPalette.ColorRole.ButtonText, QPalette.ColorRole.WindowText):
        palette.setColor(QPalette.ColorGroup.Disabled, role, QColor("#59616e"))
    return palette


def dress(widget: QWidget, text: str) -> None:
    """Give a widget a stylesheet of its own, with `@NAME` for the colours, which it follows when they change."""
    widget.setProperty(_DRESS, text)
    widget.setStyleSheet(_filled(text))


def _stylesheet() -> str:
    return _filled(asset("style.qss").read_text(encoding="utf-8"))


def _filled(text: str) -> str:
    """`@name` replaced by the constants above (longest names first)."""
    values = {name: value for name, value in globals().items() if name.isupper() and isinstance(value, str)}
    values |= {name: f"{_points(globals()[name]):.3f}pt" for name in ("TEXT_PX", "LABEL_PX", "TITLE_PX")}
    values["UPWARDS"] = asset("icons/chevron-up.svg").as_posix()
    values["TICK"] = asset("icons/check.svg").as_posix()
    values["CHEVRON"] = asset("icons/chevron.svg").as_posix()
    for name in sorted(values, key=len, reverse=True):
        text = text.replace(f"@{name}", values[name])
    return text


def label(text: str = "", role: str = "", *, wrap: bool = False) -> QLabel:
    """A text label. Roles (see style.qss): `quiet`, `small`, `heading`, `title`, `strong`, `amber`, `red`."""
    result = QLabel(text)
    result.setTextFormat(Qt.TextFormat.PlainText)
    result.setProperty("role", role)
    result.setWordWrap(wrap)
    return result


def heading(text: str) -> QLabel:
    """A small heading in capitals above a group."""
    result = label(text.upper(), "heading")
    result.setProperty(_SPACED, True)
    result.setFont(_heading_font())
    return result


def _heading_font() -> QFont:
    spaced = font(LABEL_PX, 600)
    spaced.setLetterSpacing(QFont.SpacingType.AbsoluteSpacing, 0.6)
    return spaced


def button(text: str, role: str = "") -> QPushButton:
    """A push button that never takes the keyboard away from the image. Roles: `primary`, `quiet`, `flat`."""
    result = QPushButton(text)
    result.setProperty("role", role)
    result.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    result.setCursor(Qt.CursorShape.PointingHandCursor)
    return result


def card() -> QFrame:
    """A rounded box for a group of facts."""
    result = QFrame()
    result.setProperty("role", "card")
    return result


class _Column(QWidget):
    """What a panel scrolls. The wheel turns it, never a box or a slider that comes to lie under the mouse."""

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802
        """Watch what was put in."""
        for kind in (QComboBox, QAbstractSpinBox, QSlider):
            for child in self.findChildren(kind):
                child.installEventFilter(self)
        super().showEvent(event)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
        """Hand the wheel on to the panel."""
        if event.type() is QEvent.Type.Wheel:
            event.ignore()
            return True
        return super().eventFilter(watched, event)


def scrolled(widget: QWidget) -> QVBoxLayout:
    """A column inside `widget` that scrolls where the window is too low for it."""
    outer = QVBoxLayout(widget)
    outer.setContentsMargins(0, 0, 0, 0)
    scroll = QScrollArea()
    scroll.setFocusPolicy(Qt.FocusPolicy.ClickFocus)  # what is in it scrolls into view as Tab comes to it
    scroll.setWidgetResizable(True)
    scroll.setFrameShape(QFrame.Shape.NoFrame)
    scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    outer.addWidget(scroll)
    body = _Column()
    scroll.setWidget(body)
    layout = QVBoxLayout(body)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(8)
    return layout


def set_role(widget: QWidget, role: str) -> None:
    """Change the stylesheet role of a widget that is already shown."""
    if widget.property("role") != role:
        widget.setProperty("role", role)
        widget.style().unpolish(widget)
        widget.style().polish(widget)


def icon(name: str, colour: str = TEXT, size: int = 16) -> QIcon:
    """An icon of `assets/icons` in one colour."""
    return QIcon(QPixmap.fromImage(_tinted(name, colour, size)))


@lru_cache(maxsize=128)
def _tinted(name: str, colour: str, size: int) -> QImage:
    """Drawn once; an image, as it outlives the application, which a pixmap must not."""
    tinted = QIcon(str(asset(f"icons/{name}.svg"))).pixmap(QSize(size, size), 2.0).toImage()
    painter = QPainter(tinted)
    painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_SourceIn)
    painter.fillRect(tinted.rect(), QColor(colour))
    painter.end()
    return tinted
