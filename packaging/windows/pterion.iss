; Installer for Windows (Inno Setup 6.3 or newer):
;   iscc /DVersion=0.1.0 /DFolder=..\..\build\dist\pterion packaging\windows\pterion.iss
; Installs for the user without administrator's rights, or for everybody where they are given.
#ifndef Version
  #error Give the version: /DVersion=…
#endif
#ifndef Folder
  #define Folder "..\..\build\dist\pterion"
#endif

[Setup]
AppId={{8C0D3B2E-5B7B-4B7E-9A55-5D3A7A1C9B10}
AppName=Pterion
AppVersion={#Version}
AppVerName=Pterion {#Version} (research use only)
AppPublisher=The Pterion authors
DefaultDirName={autopf}\Pterion
DefaultGroupName=Pterion
PrivilegesRequired=lowest
PrivilegesRequiredOverridesAllowed=dialog
ArchitecturesAllowed=x64compatible
ArchitecturesInstallIn64BitMode=x64compatible
MinVersion=10.0.17763
LicenseFile=..\..\LICENSE
OutputDir=..\..\build\dist
OutputBaseFilename=pterion-{#Version}-windows-x64
Compression=lzma2/max
SolidCompression=yes
WizardStyle=modern
SetupIconFile=..\..\build\icons\pterion.ico
UninstallDisplayIcon={app}\Pterion window.exe
ChangesAssociations=yes
CloseApplications=yes

[Tasks]
Name: desktopicon; Description: "{cm:CreateDesktopIcon}"; Flags: unchecked
Name: associate; Description: "Offer Pterion for DICOM files and folders"

[InstallDelete]
; Libraries of an older version must not be found by this one.
Type: filesandordirs; Name: "{app}\_internal"

[Files]
Source: "{#Folder}\*"; DestDir: "{app}"; Flags: ignoreversion recursesubdirs createallsubdirs

[Icons]
Name: "{group}\Pterion"; Filename: "{app}\Pterion window.exe"; Parameters: "view"
Name: "{autodesktop}\Pterion"; Filename: "{app}\Pterion window.exe"; Parameters: "view"; Tasks: desktopicon

[Registry]
; Offered under "Open with"; no ending is taken from another program.
Root: HKA; Subkey: "Software\Classes\Pterion.DICOM"; ValueType: string; ValueData: "DICOM image"; Flags: uninsdeletekey; Tasks: associate
Root: HKA; Subkey: "Software\Classes\Pterion.DICOM\shell\open\command"; ValueType: string; ValueData: """{app}\Pterion window.exe"" view ""%1"""; Tasks: associate
Root: HKA; Subkey: "Software\Classes\.dcm\OpenWithProgids"; ValueType: string; ValueName: "Pterion.DICOM"; ValueData: ""; Flags: uninsdeletevalue; Tasks: associate
Root: HKA; Subkey: "Software\Classes\.dicom\OpenWithProgids"; ValueType: string; ValueName: "Pterion.DICOM"; ValueData: ""; Flags: uninsdeletevalue; Tasks: associate
Root: HKA; Subkey: "Software\Classes\Directory\shell\Pterion"; ValueType: string; ValueData: "Open in Pterion"; Flags: uninsdeletekey; Tasks: associate
Root: HKA; Subkey: "Software\Classes\Directory\shell\Pterion\command"; ValueType: string; ValueData: """{app}\Pterion window.exe"" view ""%1"""; Tasks: associate

[Run]
Filename: "{app}\Pterion window.exe"; Parameters: "view --demo"; Description: "{cm:LaunchProgram,Pterion}"; Flags: nowait postinstall skipifsilent

; The reader's own data (library, models) lie in the user's AppData and stay when Pterion is removed.
