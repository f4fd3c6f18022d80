#pragma once
// The calls that the bench of verified state makes: packed messages of one namespace each.

#include "actors/monitor/state_batch.hpp"
#include "bench/options.hpp"

namespace themis::bench {

/// Calls in one message.
inline constexpr size_t kCallsPerMessage = 4'096;

/// Puts of all records, each once.
std::vector<StateBatch> first_writes(const Options& options);

/// Messages as the options say, of `calls` calls in all. Calls of the mix "f" are pairs.
std::vector<StateBatch> load_of(const Options& options, size_t calls);

}  // namespace themis::bench
