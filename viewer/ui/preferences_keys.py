"""The page of keys: every command, who has its key, other keys for it; profiles to start from and to take along."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor
from PySide6.QtWidgets import (
    QComboBox,
    QFileDialog,
    QHBoxLayout,
    QHeaderView,
    QLineEdit,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from model.errors import PterionError
from viewer.bindings import MOST_CHORDS, PROFILES, Bindable, Bindings
from viewer.preferences import export_bindings, import_bindings
from viewer.session import Session
from viewer.ui import fuzzy, theme
from viewer.ui.key_field import KeyField
from viewer.ui.sheet import spoken

MODES = {"": "Both", "read": "Read", "annotate": "Annotate"}
FILE_NAME, PATTERN = "pterion-keys.json", "Keys of Pterion (*.json)"
_ID = Qt.ItemDataRole.UserRole


def profile_row(choose: Callable[[str], None]) -> tuple[QHBoxLayout, QComboBox]:
    """A line to choose the profile in."""
    across = QHBoxLayout()
    box = QComboBox()
    box.setAccessibleName("Profile of keys and mouse")
    for profile in PROFILES:
        box.addItem(profile.name, profile.id)
    box.activated.connect(lambda number: choose(PROFILES[number].id))
    across.addWidget(theme.label("Profile"))
    across.addWidget(box)
    return across, box


class KeysPage(QWidget):
    """Acts on the session's preferences at once."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session, self._bound = session, session.bound
        self._wanted = ""  # a key that somebody else has, waiting for a word
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        layout.addLayout(self._make_top())
        self.search = QLineEdit()
        self.search.setPlaceholderText("Find a command or a key")
        self.search.setAccessibleName("Find a command or a key")
        self.search.textChanged.connect(lambda _: self._filter())
        layout.addWidget(self.search)
        self.tree = self._make_tree()
        layout.addWidget(self.tree, 1)
        layout.addLayout(self._make_editor())
        self.says = theme.label("", "small", wrap=True)
        self.says.setMinimumHeight(theme.scaled(32))
        layout.addWidget(self.says)
        self._items: dict[str, QTreeWidgetItem] = {}
        self._groups: dict[str, QTreeWidgetItem] = {}
        self._fill()
        self._bound.changed.connect(self._show)
        session.preferences_changed.connect(self._show)
        self._show()
        if self._items:
            self.tree.setCurrentItem(next(iter(self._items.values())))

    # what is seen

    def _make_top(self) -> QHBoxLayout:
        across, self.profile = profile_row(self._choose_profile)
        across.addStretch(1)
        self.importing = theme.button("Import…")
        self.exporting = theme.button("Export…")
        self.reset_all = theme.button("Reset all")
        for made, run in (
            (self.importing, self._import),
            (self.exporting, self._export),
            (self.reset_all, self._reset_all),
        ):
            made.clicked.connect(run)
            across.addWidget(made)
        self.importing.setToolTip("Take keys and mouse from a file")
        self.exporting.setToolTip("Write keys and mouse to a file")
        self.reset_all.setToolTip("Keys and mouse as the profile has them")
        return across

    def _make_tree(self) -> QTreeWidget:
        tree = QTreeWidget()
        tree.setAccessibleName("Commands and their keys")
        tree.setHeaderLabels(["Command", "Mode", "Keys"])
        tree.setRootIsDecorated(False)
        tree.setIndentation(12)
        tree.setUniformRowHeights(True)
        header = tree.header()
        header.setSectionsMovable(False)
        header.setStretchLastSection(True)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        header.setSectionResizeMode(1, QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(2, QHeaderView.ResizeMode.Interactive)
        header.resizeSection(2, 220)
        tree.currentItemChanged.connect(lambda *_: self._show_editor())
        tree.itemActivated.connect(lambda *_: self.add.wait())
        return tree

    def _make_editor(self) -> QHBoxLayout:
        across = QHBoxLayout()
        self.name = theme.label("", "strong")
        self.add = KeyField("Add a key")
        self.add.setProperty("role", "primary")
        self.add.pressed_keys.connect(self._take)
        self.clear = theme.button("Remove keys")
        self.clear.clicked.connect(lambda: self._set(()))
        self.reset = theme.button("Reset")
        self.reset.setToolTip("The keys that the profile has")
        self.reset.clicked.connect(self._reset)
        self.instead = theme.button("Use it here instead")
        self.instead.clicked.connect(self._take_over)
        across.addWidget(self.name, 1)
        for made in (self.instead, self.add, self.clear, self.reset):
            across.addWidget(made)
        return across

    def _fill(self) -> None:
        for command in self._bound.commands:
            group = self._groups.get(command.group)
            if group is None:
                group = self._groups[command.group] = QTreeWidgetItem(self.tree, [command.group])
                group.setFlags(Qt.ItemFlag.ItemIsEnabled)
                group.setFirstColumnSpanned(True)
                group.setForeground(0, QColor(theme.QUIET))
            item = QTreeWidgetItem(group, [command.text, MODES.get(command.mode, ""), ""])
            item.setData(0, _ID, command.id)
            self._items[command.id] = item
        self.tree.expandAll()

    def _show(self, _: object = None) -> None:
        """Write the keys as they are bound now."""
        bindings, resolved = self._bound.bindings, self._bound.resolved
        self.profile.setCurrentIndex([profile.id for profile in PROFILES].index(bindings.profile))
        names = {command.id: command.text for command in self._bound.commands}
        for id_, item in self._items.items():
            keys, lost = self._bound.keys(id_), resolved.lost.get(id_, ())
            taken = "".join(f"   {key} went to {names.get(to, to)}" for key, to in lost)
            item.setText(2, ("   ".join(map(spoken, keys)) + taken).strip())
            changed = id_ in bindings.keys
            colour = theme.AMBER if lost else theme.BRIGHT if changed else theme.TEXT
            item.setForeground(2, QColor(colour))
            item.setForeground(0, QColor(theme.BRIGHT if changed else theme.TEXT))
            font = theme.font(weight=600 if changed else 400)
            item.setFont(0, font)
            item.setToolTip(2, "Changed by you" if changed else "")
        self._show_editor()

    def _filter(self) -> None:
        text = self.search.text().strip()
        for id_, item in self._items.items():
            keys = [each.casefold() for key in self._bound.keys(id_) for each in (key, spoken(key))]
            item.setHidden(fuzzy.score(text, item.text(0)) is None and text.casefold() not in keys)
        for group in self._groups.values():
            group.setHidden(all(item.isHidden() for item in self._items.values() if item.parent() is group))

    @property
    def command(self) -> Bindable | None:
        """The command that is selected."""
        item = self.tree.currentItem()
        id_ = item.data(0, _ID) if item is not None else None
        return next((each for each in self._bound.commands if each.id == id_), None)

    def _show_editor(self) -> None:
        command = self.command
        self._wanted = ""
        self.instead.hide()
        self._say("" if command is not None else "Select a command to change its keys.")
        for widget in (self.add, self.clear, self.reset):
            widget.setEnabled(command is not None)
        self.name.setText(command.text if command is not None else "")
        if command is not None:
            self.clear.setEnabled(bool(self._bound.keys(command.id)))
            self.reset.setEnabled(command.id in self._bound.bindings.keys)
        changed = self._bound.bindings.keys or self._bound.bindings.mouse
        self.reset_all.setEnabled(bool(changed))

    def _say(self, text: str, role: str = "small") -> None:
        theme.set_role(self.says, role)
        self.says.setText(text)

    # what is done

    def _use(self, bindings: Bindings) -> None:
        self._session.set_preferences(replace(self._session.preferences, bindings=bindings))

    def _choose_profile(self, id_: str) -> None:
        self._use(replace(self._bound.bindings, profile=id_))

    def _set(self, keys: tuple[str, ...]) -> None:
        command = self.command
        if command is not None:
            self._use(self._bound.bindings.with_keys(command, keys))

    def _take(self, key: str) -> None:
        """Give the selected command a key; where another has it, ask first."""
        command = self.command
        if command is None:
            return
        keys = self._bound.keys(command.id)
        holders = self._holders(key, command)
        if key in keys:
            self._say(f"{command.text} has {key} already.")
        elif len(keys) >= MOST_CHORDS:
            self._say(f"{command.text} has {MOST_CHORDS} keys; remove them first.", "amber")
        elif holders:
            self._wanted = key
            self.instead.show()
            names = " and ".join(f"“{holder.text}”" for holder in holders)
            self._say(f"{key} belongs to {names}. Use it here instead, or press another.", "amber")
        else:
            self._set((*keys, key))

    def _holders(self, key: str, command: Bindable) -> tuple[Bindable, ...]:
        return tuple(
            each
            for each in self._bound.commands
            if each.id != command.id and each.meets(command) and key in self._bound.keys(each.id)
        )

    def _take_over(self) -> None:
        command, key = self.command, self._wanted
        if command is None or not key:
            return
        bindings = self._bound.bindings
        for holder in self._holders(key, command):
            left = tuple(each for each in self._bound.keys(holder.id) if each != key)
            bindings = bindings.with_keys(holder, left)
        self._use(bindings.with_keys(command, (*self._bound.keys(command.id), key)))

    def _reset(self) -> None:
        command = self.command
        if command is not None:
            self._use(self._bound.bindings.reset(command.id))

    def _reset_all(self) -> None:
        self._use(Bindings(self._bound.bindings.profile))

    def _import(self) -> None:
        name, _ = QFileDialog.getOpenFileName(self, "Import keys and mouse", "", PATTERN)
        if not name:
            return
        try:
            self._use(import_bindings(Path(name)))
        except PterionError as error:
            self._say(f"Nothing was imported. {error}", "red")
            return
        known = {command.id for command in self._bound.commands}
        strange = len(set(self._bound.bindings.keys) - known)
        are = "is" if strange == 1 else "are"
        left = f" {strange} of its commands {are} unknown here and left alone." if strange else ""
        self._say(f"Imported from {Path(name).name}.{left}")

    def _export(self) -> None:
        name, _ = QFileDialog.getSaveFileName(self, "Export keys and mouse", FILE_NAME, PATTERN)
        if not name:
            return
        path = Path(name if name.casefold().endswith(".json") else f"{name}.json")
        try:
            export_bindings(path, self._bound.bindings)
        except PterionError as error:
            self._say(str(error), "red")
            return
        self._say(f"Exported to {path.name}.")
