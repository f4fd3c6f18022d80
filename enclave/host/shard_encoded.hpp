#pragma once
// How a shard runs calls that are encoded. Included by shard.hpp.

#include "enclave/host/shard.hpp"

namespace themis::host {

/// Almost all calls are of a record in the deferred set whose value stays as long as it was: of
/// these nothing is decoded.
template <class App>
Result<ByteView> Shard<App>::call_encoded(uint8_t function, const Key& key, ByteView arguments,
                                          RecordId found) {
  carry(kCarriedByCall);
  const RecordId id = index_.has_at(found, key) ? found : index_.find(key);
  if (id == kNone || entries_[id].where != Where::deferred || entries_[id].saved == Saved::alone ||
      App::arity(function) != 1 || is_full())
    return call_decoded(function, key, arguments);
  Entry& entry = entries_[id];
  const EncodedRecord before = entry.record.encoded();
  EncodedRecord after = before;
  std::array<std::byte, App::Value::kBytesMax> spare;
  std::byte* end = result_.data();
  if (should_pin(entry) ||
      !App::template run_encoded<App>(function, arguments, after, spare.data(), end) ||
      !entry.record.fits(after.value.size()))
    return call_decoded(function, key, arguments);
  was_present_ = !before.value.empty();
  output_bytes_ = static_cast<size_t>(end - result_.data());
  if (entry.calls != UINT16_MAX) ++entry.calls;
  run_one(entry, function, arguments, {});
  if (!App::only_reads(function) && !monitor::equal_bytes(before.value, after.value)) {
    entry.record.write_fitting(after.value);
    note_change(id);
  }
  return ByteView(result_.data(), end);
}

template <class App>
Result<ByteView> Shard<App>::call_decoded(uint8_t function, const Key& key, ByteView arguments) {
  monitor::Reader reader(arguments);
  THEMIS_TRY(const typename App::Result result,
             call(function, std::span(&key, 1), App::decode(function, reader)));
  return ByteView(result_.data(), result.encode(result_.data()));
}

}  // namespace themis::host
