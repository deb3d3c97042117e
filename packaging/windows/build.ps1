# Built folder and installer on Windows: powershell -File packaging\windows\build.ps1
# Needs Python 3.11 or 3.12 and Inno Setup 6 (iscc in PATH).
$ErrorActionPreference = "Stop"
$root = Resolve-Path "$PSScriptRoot\..\.."
Set-Location $root
python packaging\build.py --flavour full
if ($LASTEXITCODE -ne 0) { exit $LASTEXITCODE }
& build\environment\Scripts\python.exe packaging\icons.py build\icons
if ($LASTEXITCODE -ne 0) { exit $LASTEXITCODE }
& build\environment\Scripts\python.exe packaging\smoke.py build\dist\pterion\pterion.exe
if ($LASTEXITCODE -ne 0) { exit $LASTEXITCODE }
$version = & build\environment\Scripts\python.exe -c "import viewer; print(viewer.__version__)"
iscc "/DVersion=$version" packaging\windows\pterion.iss
exit $LASTEXITCODE
