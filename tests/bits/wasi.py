"""Runs a program for WebAssembly's system interface: python wasi.py PROGRAM ARGUMENTS"""

import sys

import wasmtime


def run(*arguments: str) -> int:
    """The program's exit status."""
    engine = wasmtime.Engine()
    linker, store, config = wasmtime.Linker(engine), wasmtime.Store(engine), wasmtime.WasiConfig()
    linker.define_wasi()
    config.argv = arguments
    config.inherit_stdout()
    config.inherit_stderr()
    store.set_wasi(config)
    program = linker.instantiate(store, wasmtime.Module.from_file(engine, arguments[0]))
    try:
        program.exports(store)["_start"](store)
    except wasmtime.ExitTrap as end:
        return end.code
    return 0


if __name__ == "__main__":
    sys.exit(run(*sys.argv[1:]))
