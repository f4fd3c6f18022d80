#pragma once
// What the gateway asks the Oyster front of its process. Never crosses a session.

#include <array>
#include <caf/allowed_unsafe_message_type.hpp>

#include "runtime/oyster/replies.hpp"

namespace themis {

/// POST /api/serverless, as the gateway got it. -> http::Response, whatever happens.
struct AskOyster {
  http::Request request;
};
/// To what runs codes on this node. -> OysterRuns.
struct CountRuns {};
struct OysterRuns {
  size_t running = 0;
  size_t capacity = 0;
  bool is_offered = false;  ///< To the fronts of other nodes.
  uint64_t own = 0;         ///< Begun since the start, for this node's front, as the rest.
  uint64_t others = 0;      ///< The same for those of other nodes.
  uint64_t refused = 0;     ///< There was no place, or another node had more room.
  uint64_t fetched = 0;     ///< Codes fetched from the fronts that asked.
};
/// -> OysterCounts.
struct CountOyster {};
struct OysterCounts {
  std::array<uint64_t, oyster::kOutcomes> requests{};  ///< By Outcome, since the start.
  size_t open = 0;                                     ///< Requests without an answer yet.
  uint64_t sent_out = 0;                               ///< Answered by other nodes.
  size_t codes = 0;                                    ///< Kept in memory.
  uint64_t fetched = 0;  ///< Questions to the Ethereum node and the storage server.
  bool draining = false;
  std::string signer;  ///< The address that its signatures tell: "0x" and 40 digits.
};

}  // namespace themis

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(themis::AskOyster)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(themis::CountRuns)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(themis::OysterRuns)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(themis::CountOyster)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(themis::OysterCounts)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(themis::http::Response)
