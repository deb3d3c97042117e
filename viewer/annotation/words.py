"""What the editor says when it refuses or repairs something: sentences for the reader."""

TOO_FEW_POINTS = "An outline needs three points or more. Add points, or press Esc to cancel it."
NO_AREA = "This outline encloses nothing. Add points, or press Esc to cancel it."
WOULD_VANISH = "That would leave the polygon without an area; it stays as it was."
THREE_POINTS_LEFT = (
    "A polygon needs three points. To delete the whole polygon, press Delete beside its points."
)
OPEN_ELSEWHERE = (
    "An outline is open on another slice. Go back and finish it with Enter, or cancel it with Esc."
)
HAS_ANNOTATIONS = (
    "This slice has annotations, so it cannot be marked as free of hemorrhage. Delete them first."
)
REPAIRED = "The outline crossed itself and was repaired. Undo takes it back."
SPLIT = "The outline crossed itself and became {count} polygons. Undo takes them back."
LOCKED = "{code} is locked. Unlock it in the list of subtypes to change it."
COVERED = "Other subtypes that may not be cut cover all of that, so nothing was drawn."
SELECT_FIRST = "Select the polygon on this slice that this should change, then draw."
NOTHING_COMMON = "That has nothing in common with the selected polygon; it stays as it was."
NO_PIXELS = "The pixels of this slice are not loaded yet, so this tool cannot work on it."
NOTHING_THERE = "Nothing there fits the limits of this tool. Click on the bleed, or widen the limits."
NOT_CUT = "The line crosses no polygon from side to side, so nothing was cut."
NO_SLICE = "There is no further slice in that direction."
NOTHING_TO_COPY = "There is nothing on this slice to copy."
NOTHING_TO_INTERPOLATE = (
    "Interpolating needs outlines of {code} on two slices with slices without any between them."
)
TWO_NEEDED = "Uniting, subtracting and intersecting need two polygons or more on one slice."
NO_SKULL = "No bone was found close to this polygon, so there is nothing to snap to."
ONE_PART = "This annotation has one part only."
NOTHING_PROPOSED = "No proposal fits that."
TOO_MANY_POINTS = "An outline may have {most:,} points at most. It was closed with those it has."
