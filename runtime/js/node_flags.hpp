#pragma once
// How the pinned node executable is started; the one list. meson.build reads it too, line by line:
// startup snapshots are bound to the flags.

namespace themis::js {

/// Between the executable and the launcher, in this order. One garbage-collecting thread and one
/// other: what a function costs is charged to it, and hosts of one core each do not disturb one
/// another. No warnings on stderr: the log is ours. SIGUSR1 must not open a debugger.
/// Each isolate keeps tables for every thread that could mark, though none but its own does: 16 KB.
/// The loop unrolling phase of V8 14.6 also drops the interrupt checks of loops it takes for short,
/// and takes `for (;;) a.push(new Array(1000).fill(0))` for one: neither the CPU limit nor the heap
/// limit could end it.
/// Loops of WebAssembly's first compiler look whether they are to end only when their budget is
/// used up: with V8's own, 13,000,000, a loop of `memory.fill` over 13 MB ran for half a minute
/// after its limit; with this one for 50 ms.
// One a line, as meson.build reads them.
// clang-format off
inline constexpr const char* kNodeFlags[] = {
    "--single-threaded-gc",
    "--v8-pool-size=1",
    "--concurrent-marking-max-worker-num=1",
    "--no-warnings",
    "--disable-sigusr1",
    "--no-turboshaft-loop-unrolling",
    "--wasm-tiering-budget=10000",
};
// clang-format on

/// Besides these, for V8 without machine code and so without WebAssembly. The snapshot of the build
/// is not for it.
inline constexpr const char* kJitlessFlag = "--jitless";

}  // namespace themis::js
