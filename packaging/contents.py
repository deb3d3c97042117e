"""What a built Pterion holds, and what is left out of it and why. Standard library only."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path


@dataclass(frozen=True)
class Flavour:
    """A kind of package. without: packages left out of it. most_mb: what it may take unpacked, 10⁶ bytes; what is
    larger has picked up something."""

    name: str
    most_mb: int
    without: tuple[str, ...] = ()

    @property
    def folder(self) -> str:
        """Name of the built folder."""
        return "pterion" if self.name == "full" else f"pterion-{self.name}"


# What training from scratch and evaluations report with; `viewer.resources.require_reports` says so there.
REPORTS = ("sklearn", "jinja2", "joblib", "narwhals", "scipy.stats", "scipy.integrate", "scipy.interpolate")
# What training and its exports need; reading, scoring and annotating import none of it.
TRAINING = (
    *(
        "torch",
        "torchgen",
        "functorch",
        "onnx",
        "ml_dtypes",
        "safetensors",
        "sympy",
        "mpmath",
        "networkx",
        "fsspec",
    ),
    "google.protobuf",
)
FLAVOURS = {
    each.name: each for each in (Flavour("full", 700, REPORTS), Flavour("reader", 350, (*REPORTS, *TRAINING)))
}

NOT_IMPORTED = (
    # Interactive Python, other toolkits and what tests or installs packages; `readline` would bring the GPL.
    *("tkinter", "IPython", "matplotlib", "pandas", "readline", "pytest", "hypothesis", "setuptools", "pip"),
    *("pkg_resources", "wheel", "PyQt5", "PyQt6", "PySide2", "SimpleITK", "monai", "tensorboard", "curses"),
    *("pygments", "rich", "certifi", "charset_normalizer", "requests", "urllib3", "yaml", "lxml", "cupy"),
    *("PIL.AvifImagePlugin", "PIL._avif", "PIL.ImageTk", "PIL._tkinter_finder", "numba", "dask", "xarray"),
    *("imageio", "tifffile", "_pytest"),
    *(f"skimage.{name}" for name in ("data", "exposure", "feature", "filters", "future", "io", "measure")),
    *(f"skimage.{name}" for name in ("metrics", "morphology", "registration", "restoration", "segmentation")),
    *("skimage.transform", "skimage.graph._ncut", "skimage.graph._ncut_cy", "skimage.graph._rag"),
    *(f"scipy.{name}" for name in ("cluster", "datasets", "differentiate", "io", "odr", "signal")),
)
"""Modules that nothing which runs imports."""

DECODERS = (
    "jpeg2k",
    "jpegls",
    "jpeg8",
    "jpegsof3",
    "imcd",
    "deflate",
    "zlib",
    "png",
    "shared",
    "shared_cython",
)
"""Of the codecs of imagecodecs, those of DICOM, archives and pictures; it imports them by name."""

LEFT_OUT = {
    "torch's own tests and headers": ("torch/test/*", "torch/include/*", "torch/share/*"),
    "programs of torch; its manager of shared memory is asked for at import": (
        *(
            "torch/bin/*Test",
            "torch/bin/protoc*",
            "torch/bin/test_*",
            "torch/bin/*.pt*",
            "torch/bin/upgrader*",
        ),
    ),
    "static libraries, and tests of bindings": (
        "*.a",
        "*.lib",
        "*libtorchbind_test*",
        "*libjitbackend_test*",
    ),
    "code generators of compilers that a build lacks": ("torch/utils/hipify/*", "torchgen/packaged/*"),
    "Qt's translations; the window is in English": ("PySide6/Qt/translations/*", "PySide6/translations/*"),
    "Qt modules that are imported by nobody": (
        "*libQt6Test*",
        "PySide6/QtTest*",
        "*libQt6Network*",
        "PySide6/QtNetwork*",
        "*Qt6EglFS*",
        "*libQt6Pdf*",
        "*Qt6Quick*",
        "*Qt6Qml*",
        "*Qt6VirtualKeyboard*",
        "*opengl32sw*",
    ),
    "Qt's plugins for machines without a desktop, for GTK themes, networks and cards": (
        "*/plugins/egldeviceintegrations/*",
        "*/plugins/generic/*",
        "*/plugins/networkinformation/*",
        "*/plugins/tls/*",
        "*/plugins/platformthemes/libqgtk3*",
        "*/plugins/platforms/libqeglfs*",
        "*/plugins/platforms/libqlinuxfb*",
        "*/plugins/platforms/libqvnc*",
        "*/plugins/platforms/libqvkkhrdisplay*",
        "*/plugins/platforms/libqminimal*",
        "*/plugins/imageformats/libqtiff*",
        "*/plugins/imageformats/libqwebp*",
        "*/plugins/imageformats/libqicns*",
        "*/plugins/imageformats/libqtga*",
        "*/plugins/imageformats/libqwbmp*",
    ),
    "libraries that only those plugins and modules ask for": (
        *("libatk*", "libcairo*", "libpango*", "libgdk*", "libgtk*", "libpixman*", "libthai*", "libdatrie*"),
        *(
            "libfribidi*",
            "libgraphite2*",
            "libharfbuzz.so*",
            "libgio*",
            "libgobject*",
            "libgmodule*",
            "libmount*",
        ),
        *(
            "libblkid*",
            "libselinux*",
            "libgssapi*",
            "libkrb5*",
            "libk5crypto*",
            "libcom_err*",
            "libkeyutils*",
        ),
        *(
            "libXi.so*",
            "libXdamage*",
            "libXcomposite*",
            "libXcursor*",
            "libXinerama*",
            "libXrandr*",
            "libepoxy*",
        ),
    ),
    "linear programming and files of other programs": (
        "scipy/optimize/_highspy/*",
        "scipy/io/_fast_matrix_market/*",
    ),
    "pictures, data and tests of others": (
        "skimage/data/*",
        "assets/screenshots/*",
        "scipy/*/tests/*",
        "numpy/*/tests/*",
        "pydicom/data/test_files/*",
        "pyqtgraph/examples/*",
        "pyqtgraph/icons/*",
        "onnx/backend/test/*",
    ),
    "decoders of pictures that nobody opens": (
        "*libavif*",
        "*libaom*",
        "*libSvtAv1*",
        "*libdav1d*",
        "PIL/_avif*",
    ),
}
"""Files by what they are: patterns of their paths in the built folder, with forward slashes."""

PURE_LEFT_OUT = (
    *("torch.testing._internal.distributed", "torch.testing._internal.opinfo", "torch.utils.tensorboard"),
    *("torch.utils.benchmark", "torch.utils.hipify", "torch.utils.bottleneck", "networkx.tests"),
    *("onnx.backend", "onnx.reference", "onnx.test"),
    *(f"torch._inductor.{name}" for name in ("codegen", "fx_passes", "kernel", "autoheuristic", "lowering")),
)
"""Modules, with all below them, that a hook collects and nobody imports."""


TORCH_SOURCES = ("*config*.py", "torch/jit/*", "torch/nn/*", "torch/_jit_internal.py", "torch/functional.py")
"""Modules that torch reads as source; of the others the compiled form is enough."""


def left_out(path: str) -> bool:
    """Whether a file at a path of the built folder (without `_internal/`) stays out."""
    name = path.replace("\\", "/")
    if name.startswith("torch/") and name.endswith(".py"):
        return not any(fnmatch(name, pattern) for pattern in TORCH_SOURCES)
    return any(fnmatch(name, pattern) for patterns in LEFT_OUT.values() for pattern in patterns)


def module_left_out(name: str, flavour: Flavour) -> bool:
    """Whether a module stays out of a flavour."""
    return any(
        name == each or name.startswith(each + ".")
        for each in (*PURE_LEFT_OUT, *NOT_IMPORTED, *flavour.without)
    )


def version(root: Path) -> str:
    """Pterion's version, from the one place that says it."""
    text = (root / "viewer" / "__init__.py").read_text(encoding="utf-8")
    return re.findall(r'^__version__ = "(.+)"$', text, re.MULTILINE)[0]


def normal(name: str) -> str:
    """A distribution's name as indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


# Distributions that go with modules of another name.
DISTRIBUTIONS = {"sklearn": "scikit-learn", "google.protobuf": "protobuf"}
EXTRAS = {"imageio", "tifffile", "setuptools"}
"""Distributions that a requirement names and no flavour imports."""


def distribution_left_out(name: str, flavour: Flavour) -> bool:
    """Whether a distribution stays out of a flavour."""
    gone = {normal(DISTRIBUTIONS.get(each, each)) for each in flavour.without}
    return normal(name) in gone | EXTRAS
