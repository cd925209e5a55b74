# Installs the course from this folder, without a network, on Windows:
#   powershell -ExecutionPolicy Bypass -File install.ps1 [FOLDER]
# FOLDER: where it goes; default: fermodels-course in your home.
param([string]$To = (Join-Path $HOME "fermodels-course"))
$ErrorActionPreference = "Stop"

function Invoke-Checked([string]$Program, [string[]]$Arguments) {
    & $Program @Arguments
    if ($LASTEXITCODE -ne 0) { throw "$Program $Arguments failed" }
}

if (-not (Get-Command py -ErrorAction SilentlyContinue)) {
    throw "Python @VERSION@ is needed: install it from python.org, with its launcher 'py'"
}
Invoke-Checked "py" @("-@VERSION@", "--version")
New-Item -ItemType Directory -Force -Path $To | Out-Null
$To = (Resolve-Path $To).Path
# What is there stays: somebody may have worked in the notebooks. The README comes last.
if (-not (Test-Path (Join-Path $To "README.md"))) {
    Write-Host "copying data, weights and notebooks to $To"
    foreach ($part in "configs", "data", "weights", "notebooks", "LICENSE", "README.md") {
        Copy-Item -Recurse -Force (Join-Path $PSScriptRoot "course/$part") $To
    }
}
Write-Host "installing the packages, some minutes"
Invoke-Checked "py" @("-@VERSION@", "-m", "venv", (Join-Path $To ".venv"))
Invoke-Checked (Join-Path $To ".venv/Scripts/python.exe") @(
    "-m", "pip", "install", "--disable-pip-version-check", "--quiet", "--no-index",
    "--find-links", (Join-Path $PSScriptRoot "wheels"),
    "--requirement", (Join-Path $PSScriptRoot "packages.txt"))
Set-Content -Path (Join-Path $To "start.ps1") -Value @'
# JupyterLab with the course's notebooks.
$env:FERMODELS_ROOT = $PSScriptRoot
$notebooks = Join-Path $PSScriptRoot "notebooks"
& (Join-Path $PSScriptRoot ".venv/Scripts/python.exe") -m jupyterlab "--notebook-dir=$notebooks"
'@
Write-Host "done. This opens the notebooks:"
Write-Host "  powershell -ExecutionPolicy Bypass -File `"$To/start.ps1`""
