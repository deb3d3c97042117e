"""What the Findings tab says of the midline: how far it is shifted, that it is not, or why that cannot be told."""

from PySide6.QtWidgets import QVBoxLayout, QWidget

from viewer.findings.shift import LEAST_MM
from viewer.session import Session
from viewer.suspecting import Suspected
from viewer.ui import theme


class ShiftLine(QWidget):
    """link: the shift, which leads to its slice. text: what is said where there is none to go to."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self.link = theme.button("", "link")
        self.text = theme.label("", "small", wrap=True)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.link)
        layout.addWidget(self.text)
        self.link.clicked.connect(self._go)
        session.suspecting.changed.connect(self.show_shift)
        self.show_shift(session.suspecting.suspected)

    def show_shift(self, suspected: Suspected | None) -> None:
        """Say what is known of the shift."""
        regions = suspected.regions if suspected is not None else None
        shift = regions.shift if regions is not None else None
        shifted = shift is not None and shift.mm > 0
        said = ""
        if regions is not None and regions.no_shift:
            said = f"Midline shift not measurable: {regions.no_shift}."
        elif shift is not None and not shifted:
            said = f"No midline shift of {LEAST_MM:.1f} mm or more · estimate"
        self.text.setText(said)
        self.text.setVisible(bool(said))
        self.link.setVisible(shifted)
        self.setVisible(shifted or bool(said))
        if shift is not None:
            self.link.setText(f"Midline shift ≈ {shift.mm:.0f} mm to the {shift.to} · estimate")
            self.link.setToolTip(
                "Estimated from how the brain mirrors about the middle of the skull. Go to its slice "
                f"({shift.index + 1}); measure it there with the midline tool."
            )

    def _go(self) -> None:
        suspected = self._session.suspecting.suspected
        if suspected is not None and suspected.regions.shift is not None:
            self._session.set_slice_index(suspected.regions.shift.index)
