#pragma once
// The border between the node executable and a program of ours that runs inside it as an addon.
// Such a program links js_addon_dep and defines themis_worker_main; node runs it as
// `node FLAGS launcher.cjs ADDON ARGUMENTS`, with kNodeFlags of runtime/js/node_flags.hpp.

/// The program. Called on node's main thread, which is the engine's thread, with argv[0] the path
/// of the addon; what it returns is the exit code of the process. Node's event loop never runs.
int themis_worker_main(int argc, char** argv);
