"""Two contracts for import-linter, beside its layers: what a package may import, and where a library may be imported.

import-linter's own `forbidden` needs every forbidden library by name, so that a new one slips through. These name what is allowed.
The standard library is always allowed. Imports of other modules' imports do not count: only what a file itself says.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import cast

from grimp import ImportGraph
from importlinter import Contract, ContractCheck, fields, output


def _is_in(module: str, packages: Iterable[str]) -> bool:
    return any(module == package or module.startswith(package + ".") for package in packages)


class _DirectImports(Contract):
    """What both have in common: a list of imports that should not be there."""

    def violations(self, graph: ImportGraph) -> list[tuple[str, str]]:
        """Return each wrong import as (importer, imported)."""
        raise NotImplementedError

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:  # noqa: ARG002 - the interface of import-linter
        """Check every import once."""
        found = self.violations(graph)
        return ContractCheck(kept=not found, metadata={"found": found})

    def render_broken_contract(self, check: ContractCheck) -> None:
        """Print each wrong import with its line."""
        for importer, imported in check.metadata["found"]:
            output.print_error(f"{importer} may not import {imported}")
        output.new_line()


class AllowedImports(_DirectImports):
    """`modules`, and all below them, import only themselves, the standard library, and what is below `may_import`."""

    type_name = "allowed"
    modules = fields.SetField(subfield=fields.StringField())
    may_import = fields.SetField(subfield=fields.StringField(), required=False)

    def violations(self, graph: ImportGraph) -> list[tuple[str, str]]:
        """Return the imports of anything else."""
        own = cast("set[str]", self.modules)
        allowed = {*own, *cast("set[str]", self.may_import or ()), *sys.stdlib_module_names}
        return sorted(
            (importer, imported)
            for importer in graph.modules
            if _is_in(importer, own)
            for imported in graph.find_modules_directly_imported_by(importer)
            if not _is_in(imported, allowed)
        )


class LibraryRoom(_DirectImports):
    """Only `rooms`, and what is below them, import `libraries`."""

    type_name = "room"
    libraries = fields.SetField(subfield=fields.StringField())
    rooms = fields.SetField(subfield=fields.StringField())

    def violations(self, graph: ImportGraph) -> list[tuple[str, str]]:
        """Return the imports of the libraries from elsewhere."""
        return sorted(
            (importer, library)
            for library in cast("set[str]", self.libraries)
            if library in graph.modules
            for importer in graph.find_modules_that_directly_import(library)
            if not _is_in(importer, cast("set[str]", self.rooms))
        )
