#pragma once
// What a commit of the durable store gave, sorted for those who are to be told.

#include "enclave/receipts/receipt.hpp"
#include "enclave/seal/trusted_side.hpp"

namespace themis::host {

struct Released : seal::Released {
  struct Place {
    size_t at = 0, bytes = 0;  ///< In `results` of its thread.
  };
  /// By thread: of each client's call since the last commit, in their order.
  std::vector<std::vector<Place>> answers;
  /// Those whose epoch was certified, also of calls of earlier commits.
  std::vector<receipts::Receipt> receipts;

  /// The operation receipt as it goes to the client: of the call with this Called::number.
  /// Errors: not_found (no such call in this commit).
  Result<ByteView> answer(uint16_t thread, uint64_t number) const {
    if (thread >= answers.size() || number >= answers[thread].size())
      return fail(Code::not_found, "this commit has no answer to that call");
    const Place& place = answers[thread][number];
    return ByteView(results[thread]).subspan(place.at, place.bytes);
  }
};

}  // namespace themis::host
