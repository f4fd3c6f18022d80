#include "enclave/seal/sealed_state.hpp"

#include <algorithm>

#include "enclave/monitor/aggregator.hpp"
#include "runtime/crypto/hash.hpp"

namespace themis::seal {
namespace {

using monitor::put;

constexpr std::string_view kLabel = "themis/seal/state/v2";
/// The first bytes. Version 1 had none: it began with the counter, which will never be this.
constexpr std::string_view kFormat = "state/v2";
constexpr size_t kHeadBytes = kFormat.size() + 8 + sizeof(Tag) + sizeof(StoreId) + 1 + 1 +
                              crypto::PublicKey::kBytes + 1 + 4 + 2;
constexpr size_t kThreadBytesMax =
    monitor::TreeKey::kBytes + monitor::NodeValue::kBytesMax + 3 * (8 + sizeof(Tag));

Tag mac(ByteView state, const SealingKey& key) {
  Bytes message = to_bytes(kLabel);
  append(message, state);
  return crypto::blake2b_mac(key, message);
}

template <size_t N>
void read(monitor::Reader& reader, std::array<std::byte, N>& into) {
  if (const ByteView bytes = reader.bytes(N); !bytes.empty())
    std::memcpy(into.data(), bytes.data(), N);
}

SealedThread read_thread(monitor::Reader& reader) {
  SealedThread thread;
  thread.top = monitor::TreeKey::decode(reader);
  thread.value = monitor::NodeValue::decode(reader);
  thread.list_bytes = reader.integer<uint64_t>();
  read(reader, thread.list);
  thread.call_bytes = reader.integer<uint64_t>();
  thread.result_bytes = reader.integer<uint64_t>();
  read(reader, thread.calls);
  read(reader, thread.results);
  return thread;
}

}  // namespace

Bytes seal(const SealedState& state, const SealingKey& key) {
  Bytes sealed(kHeadBytes + state.threads.size() * kThreadBytesMax + sizeof(Tag));
  std::byte* to = put(put(sealed.data(), as_bytes(kFormat)), state.counter);
  to = put(to, ByteView(state.previous));
  to = put(put(to, ByteView(state.store)), uint8_t{state.access.clients_only});
  to = put(to, uint8_t{state.access.owner.has_value()});
  if (state.access.owner) to = put(to, state.access.owner->view());
  to = put(put(to, uint8_t{state.aes}), state.epoch);
  to = put(to, static_cast<uint16_t>(state.threads.size()));
  for (const SealedThread& thread : state.threads) {
    to = put(thread.value.encode(thread.top.encode(to)), thread.list_bytes);
    to = put(put(to, ByteView(thread.list)), thread.call_bytes);
    to = put(put(put(to, thread.result_bytes), ByteView(thread.calls)), ByteView(thread.results));
  }
  const Tag tag = mac(ByteView(sealed.data(), to), key);
  to = put(to, ByteView(tag));
  sealed.resize(static_cast<size_t>(to - sealed.data()));
  return sealed;
}

Result<SealedState> read_sealed(ByteView sealed) {
  monitor::Reader reader(sealed);
  if (!std::ranges::equal(reader.bytes(kFormat.size()), as_bytes(kFormat)))
    return fail(Code::invalid,
                "the store was written by another version of Themis, or its sealed state is "
                "damaged: start it with that version, or restore its directory");
  SealedState state;
  state.counter = reader.integer<uint64_t>();
  read(reader, state.previous);
  read(reader, state.store);
  state.access.clients_only = reader.boolean();
  if (reader.boolean()) state.access.owner = reader.integer<crypto::PublicKey>();
  state.aes = reader.boolean();
  state.epoch = reader.integer<uint32_t>();
  const auto threads = reader.integer<uint16_t>();
  if (threads == 0 || threads > monitor::kThreadsMax) reader.refuse();
  for (uint16_t i = 0; i < threads && reader.ok(); ++i)
    state.threads.push_back(read_thread(reader));
  if (!reader.ok() || reader.left() != sizeof(Tag))
    return fail(Code::malformed, "the sealed state cannot be read: restore the store's directory");
  return state;
}

Result<SealedState> unseal(ByteView sealed, const SealingKey& key) {
  THEMIS_TRY(SealedState state, read_sealed(sealed));
  if (!crypto::equal(mac(sealed.first(sealed.size() - sizeof(Tag)), key), tag_of(sealed)))
    return fail(Code::forged,
                "the sealed state was altered, or sealed with another key: restore "
                "the store's directory, or give the right key");
  return state;
}

Tag tag_of(ByteView sealed) {
  Tag tag;
  std::memcpy(tag.data(), sealed.last(sizeof tag).data(), sizeof tag);
  return tag;
}

}  // namespace themis::seal
