"""The user guide: the pages of assets/docs, read offline in a window of their own."""

from PySide6.QtCore import Qt, QUrl
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import (
    QDialog,
    QHBoxLayout,
    QListWidget,
    QListWidgetItem,
    QTextBrowser,
    QVBoxLayout,
    QWidget,
)

from viewer.resources import asset
from viewer.ui import theme

PAGES = (
    ("index.md", "Pterion"),
    ("installing.md", "Installing"),
    ("reading.md", "Reading"),
    ("annotating.md", "Annotating"),
    ("retraining.md", "Retraining"),
    ("training.md", "Training on public data"),
    ("commands.md", "Command line"),
    ("formats.md", "Formats"),
    ("model.md", "The model"),
    ("keys.md", "Keys and mouse"),
    ("troubleshooting.md", "When something goes wrong"),
    ("security.md", "Security"),
    ("architecture.md", "Architecture"),
)
LIST_PX, SIZE_PX = 210, (960, 720)
_STYLE = (
    f"a {{ color: {theme.ACCENT}; }} th, td {{ padding: 4px 8px; border-color: {theme.HAIRLINE}; }} "
    f"code {{ color: {theme.BRIGHT}; }}"
)


class Manual(QDialog):
    """Pages at the left, the one that is read beside them. It stays open while the reader goes on with the study."""

    def __init__(self, parent: QWidget) -> None:
        """Raises PterionError where the installation has no pages."""
        super().__init__(parent)
        self.setWindowTitle("Pterion user guide")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.resize(min(SIZE_PX[0], parent.width() - 40), min(SIZE_PX[1], parent.height() - 40))
        self._folder = asset("docs")
        self.list = QListWidget()
        self.list.setAccessibleName("Pages of the user guide")
        self.list.setFixedWidth(LIST_PX)
        for name, title in PAGES:
            item = QListWidgetItem(title)
            item.setData(Qt.ItemDataRole.UserRole, name)
            self.list.addItem(item)
        self.page = QTextBrowser()
        self.page.setAccessibleName("User guide")
        self.page.document().setDefaultStyleSheet(_STYLE)
        self.page.document().setDocumentMargin(18)
        self.page.setOpenLinks(False)
        self.page.anchorClicked.connect(self._follow)
        back = theme.button("Back")
        back.setEnabled(False)
        back.clicked.connect(self.page.backward)
        self.page.backwardAvailable.connect(back.setEnabled)
        self.page.sourceChanged.connect(self._mark)
        close = theme.button("Close")
        close.clicked.connect(self.close)
        for made in (back, close):
            made.setAutoDefault(False)
        QShortcut(QKeySequence(QKeySequence.StandardKey.Back), self, self.page.backward)
        below = QHBoxLayout()
        below.addWidget(theme.label("Research use only — not for diagnosis.", "amber"))
        below.addStretch(1)
        below.addWidget(back)
        below.addWidget(close)
        across = QHBoxLayout()
        across.setSpacing(10)
        across.addWidget(self.list)
        across.addWidget(self.page, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 16, 16, 12)
        column.addLayout(across, 1)
        column.addLayout(below)
        self.list.currentItemChanged.connect(lambda item: self.show_page(item.data(Qt.ItemDataRole.UserRole)))
        self.list.setCurrentRow(0)

    def show_page(self, name: str) -> None:
        """Show a page by its file name."""
        if self.page.source().fileName() != name:
            self.page.setSource(QUrl.fromLocalFile(str(self._folder / name)))

    def _follow(self, link: QUrl) -> None:
        """Only other pages are followed: the guide opens nothing else."""
        name = link.fileName()
        if name in dict(PAGES):
            self.show_page(name)

    def _mark(self, source: QUrl) -> None:
        names = [name for name, _ in PAGES]
        if source.fileName() in names:
            self.list.setCurrentRow(names.index(source.fileName()))
