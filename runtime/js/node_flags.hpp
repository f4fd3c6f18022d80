#pragma once
// How the pinned node executable is started; the one list. meson.build reads it too, line by line:
// startup snapshots are bound to the flags.

namespace themis::js {

/// Between the executable and the launcher, in this order. One garbage-collecting thread and one
/// other: what a function costs is charged to it, and hosts of one core each do not disturb one
/// another. No warnings on stderr: the log is ours. SIGUSR1 must not open a debugger.
inline constexpr const char* kNodeFlags[] = {
    "--single-threaded-gc",
    "--v8-pool-size=1",
    "--no-warnings",
    "--disable-sigusr1",
};

}  // namespace themis::js
