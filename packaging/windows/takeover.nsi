; The installer. Silent: takeover-...-setup.exe /S [/D=C:\Program Files\Takeover]; removal:
; "C:\Program Files\Takeover\uninstall.exe" /S
;
; Program and Lua files go to the folder; what an administrator writes (parameters.lua, secrets, the
; journal) is in %ProgramData%\takeover, which neither an upgrade nor the removal touches. What an
; upgrade replaces of lua/ is kept once, in lua.before-upgrade/, for what was edited there.
Target amd64-unicode
Unicode true
ManifestDPIAware true
SetCompressor /SOLID lzma
RequestExecutionLevel admin
CRCCheck force

!include "LogicLib.nsh"
!include "x64.nsh"
!include "FileFunc.nsh"
!include "MUI2.nsh"

!define PRODUCT "Takeover"
!define UNINSTALL "Software\Microsoft\Windows\CurrentVersion\Uninstall\Takeover"
; Its message number 1 says whatever it is given: so the Event Log shows our text without a
; message file of our own.
!define EVENTS "SYSTEM\CurrentControlSet\Services\EventLog\Application\Takeover"

Name "${PRODUCT} ${VERSION}"
OutFile "${OUTPUT}"
InstallDir "$PROGRAMFILES64\Takeover"
InstallDirRegKey HKLM "${UNINSTALL}" "InstallLocation"

VIProductVersion "${VERSION}.0"
VIAddVersionKey "ProductName" "${PRODUCT}"
VIAddVersionKey "ProductVersion" "${VERSION}"
VIAddVersionKey "FileVersion" "${VERSION}"
VIAddVersionKey "FileDescription" "Installs ${PRODUCT}"
VIAddVersionKey "LegalCopyright" "The MIT licence"

!insertmacro MUI_PAGE_LICENSE "${FOLDER}/LICENSE"
!insertmacro MUI_PAGE_DIRECTORY
!insertmacro MUI_PAGE_INSTFILES
!insertmacro MUI_UNPAGE_CONFIRM
!insertmacro MUI_UNPAGE_INSTFILES
!insertmacro MUI_LANGUAGE "English"

Function .onInit
  ${IfNot} ${RunningX64}
    MessageBox MB_ICONSTOP "Takeover needs a 64-bit Windows." /SD IDOK
    SetErrorLevel 2
    Abort
  ${EndIf}
  SetRegView 64
  ; the 64-bit view's folder of an earlier installation
  ReadRegStr $0 HKLM "${UNINSTALL}" "InstallLocation"
  ${If} $0 != ""
  ${AndIf} $INSTDIR == "$PROGRAMFILES64\Takeover"
    StrCpy $INSTDIR $0
  ${EndIf}
FunctionEnd

Section "Takeover"
  SetShellVarContext all
  SetRegView 64

  ; A program that runs cannot be replaced; a run in the middle of a failover must not be.
  ${If} ${FileExists} "$INSTDIR\takeover.exe"
    ClearErrors
    FileOpen $0 "$INSTDIR\takeover.exe" a
    ${If} ${Errors}
      DetailPrint "takeover.exe is running: wait until its run has ended."
      MessageBox MB_ICONSTOP "takeover.exe is running: wait until its run has ended." /SD IDOK
      SetErrorLevel 3
      Abort
    ${EndIf}
    FileClose $0
    ; What was there goes as a whole, so that no old module stays behind; one copy is kept.
    RMDir /r "$INSTDIR\lua.before-upgrade"
    Rename "$INSTDIR\lua" "$INSTDIR\lua.before-upgrade"
    RMDir /r "$INSTDIR\lua-vendor"
    RMDir /r "$INSTDIR\docs"
    RMDir /r "$INSTDIR\licenses"
  ${EndIf}

  SetOutPath "$INSTDIR"
  File "${FOLDER}/takeover.exe"
  File "${FOLDER}/README.md"
  File "${FOLDER}/CHANGELOG.md"
  File "${FOLDER}/LICENSE"
  File /r "${FOLDER}/lua"
  File /r "${FOLDER}/lua-vendor"
  File /r "${FOLDER}/examples"
  File /r "${FOLDER}/docs"
  File /r "${FOLDER}/licenses"
  ${IfNot} ${FileExists} "$INSTDIR\takeover.exe"
    SetErrorLevel 4
    Abort
  ${EndIf}

  ; Ordinary users read, nobody but administrators and SYSTEM changes: ECX runs all this as SYSTEM.
  ; By number, because the names differ from language to language.
  nsExec::ExecToLog '"$SYSDIR\icacls.exe" "$INSTDIR" /inheritance:r /grant:r *S-1-5-32-544:(OI)(CI)F *S-1-5-18:(OI)(CI)F *S-1-5-32-545:(OI)(CI)RX'
  Pop $0

  ; Settings and state: for administrators and SYSTEM alone, from the beginning.
  ${IfNot} ${FileExists} "$APPDATA\takeover\*.*"
    CreateDirectory "$APPDATA\takeover"
    nsExec::ExecToLog '"$SYSDIR\icacls.exe" "$APPDATA\takeover" /inheritance:r /grant:r *S-1-5-32-544:(OI)(CI)F *S-1-5-18:(OI)(CI)F'
    Pop $0
  ${EndIf}

  WriteRegExpandStr HKLM "${EVENTS}" "EventMessageFile" "%SystemRoot%\System32\EventCreate.exe"
  WriteRegDWORD HKLM "${EVENTS}" "TypesSupported" 7

  WriteUninstaller "$INSTDIR\uninstall.exe"
  WriteRegStr HKLM "${UNINSTALL}" "DisplayName" "${PRODUCT}"
  WriteRegStr HKLM "${UNINSTALL}" "DisplayVersion" "${VERSION}"
  WriteRegStr HKLM "${UNINSTALL}" "Publisher" "The Takeover authors"
  WriteRegStr HKLM "${UNINSTALL}" "InstallLocation" "$INSTDIR"
  WriteRegStr HKLM "${UNINSTALL}" "UninstallString" '"$INSTDIR\uninstall.exe"'
  WriteRegStr HKLM "${UNINSTALL}" "QuietUninstallString" '"$INSTDIR\uninstall.exe" /S'
  WriteRegDWORD HKLM "${UNINSTALL}" "NoModify" 1
  WriteRegDWORD HKLM "${UNINSTALL}" "NoRepair" 1
  ${GetSize} "$INSTDIR" "/S=0K" $0 $1 $2
  WriteRegDWORD HKLM "${UNINSTALL}" "EstimatedSize" $0
SectionEnd

Section "Uninstall"
  SetShellVarContext all
  SetRegView 64
  ; Only what the installer brought. parameters.lua beside the program would stay, and so does
  ; %ProgramData%\takeover.
  RMDir /r "$INSTDIR\lua"
  RMDir /r "$INSTDIR\lua.before-upgrade"
  RMDir /r "$INSTDIR\lua-vendor"
  RMDir /r "$INSTDIR\examples"
  RMDir /r "$INSTDIR\docs"
  RMDir /r "$INSTDIR\licenses"
  Delete "$INSTDIR\takeover.exe"
  Delete "$INSTDIR\README.md"
  Delete "$INSTDIR\CHANGELOG.md"
  Delete "$INSTDIR\LICENSE"
  Delete "$INSTDIR\uninstall.exe"
  RMDir "$INSTDIR"
  DeleteRegKey HKLM "${UNINSTALL}"
  DeleteRegKey HKLM "${EVENTS}"
SectionEnd
