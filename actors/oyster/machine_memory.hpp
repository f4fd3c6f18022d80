#pragma once
// The memory of the machine: how much room there is for more codes.

#include <cstdint>
#include <string_view>

namespace themis {

/// Percent of it that programs cannot have, of the text of /proc/meminfo (proc(5): MemTotal,
/// MemAvailable). 100 for what is none: who cannot tell is not asked before others.
uint8_t used_memory_percent(std::string_view meminfo);
/// Of this machine, now; some 20 µs.
uint8_t used_memory_percent();

}  // namespace themis
