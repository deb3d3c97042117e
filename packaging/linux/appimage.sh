#!/bin/sh
# An AppImage of a built folder: packaging/linux/appimage.sh build/dist/pterion OUT_DIR
# Needs appimagetool (https://github.com/AppImage/appimagetool) in PATH; it fetches its runtime the first time.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
folder=$1
out=$2
command -v appimagetool >/dev/null || { echo "appimagetool is not installed: see the head of $0" >&2; exit 1; }
version=$(sed -n 's/^__version__ = "\(.*\)"$/\1/p' "$root/viewer/__init__.py")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/AppDir/usr/share/mime/packages" "$out"
cp -a "$folder" "$work/AppDir/pterion"
cp "$here/pterion.desktop" "$work/AppDir/pterion.desktop"
cp "$root/assets/icons/pterion.svg" "$work/AppDir/pterion.svg"
cp "$here/pterion.xml" "$work/AppDir/usr/share/mime/packages/pterion.xml"
cat > "$work/AppDir/AppRun" <<'RUN'
#!/bin/sh
exec "$(dirname "$(readlink -f "$0")")/pterion/pterion" "$@"
RUN
chmod 755 "$work/AppDir/AppRun"
ARCH=$(uname -m) appimagetool --no-appstream "$work/AppDir" "$out/$(basename "$folder")-$version-$(uname -m).AppImage"
