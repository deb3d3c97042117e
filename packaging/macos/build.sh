#!/bin/sh
# Bundle and disk image on macOS: packaging/macos/build.sh
# CODESIGN_IDENTITY signs ("Developer ID Application: …"); NOTARY_PROFILE notarises (xcrun notarytool store-credentials).
# Without them the bundle is signed ad hoc and opens only after a right click → Open.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
cd "$root"
python3 packaging/build.py --flavour full
app=build/dist/Pterion.app
identity=${CODESIGN_IDENTITY:--}
# Inside out: libraries first, the bundle last.
find "$app" -type f \( -name '*.so' -o -name '*.dylib' \) -exec codesign --force --timestamp --options runtime \
  --sign "$identity" {} +
codesign --force --timestamp --options runtime --entitlements packaging/macos/entitlements.plist --sign "$identity" "$app"
codesign --verify --deep --strict "$app"
build/environment/bin/python packaging/smoke.py "$app/Contents/MacOS/pterion"
version=$(sed -n 's/^__version__ = "\(.*\)"$/\1/p' viewer/__init__.py)
image=build/dist/pterion-$version-macos-$(uname -m).dmg
hdiutil create -volname Pterion -srcfolder "$app" -ov -format UDZO "$image"
if [ -n "${NOTARY_PROFILE:-}" ]; then
  xcrun notarytool submit "$image" --keychain-profile "$NOTARY_PROFILE" --wait
  xcrun stapler staple "$image"
fi
