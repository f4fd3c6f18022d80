#include "enclave/monitor/tree_node.hpp"

namespace themis::monitor {

std::byte* NodeValue::encode(std::byte* to) const {
  for (const Edge& each : edge) {
    to = put(to, uint8_t{each.used});
    if (!each.used) continue;
    to = put(each.key.encode(to), ByteView(each.hash));
    to = put(to, uint8_t{each.in_deferred});
  }
  return to;
}

NodeValue NodeValue::decode(Reader& reader) {
  NodeValue value;
  for (Edge& each : value.edge) {
    each.used = reader.boolean();
    if (!each.used) continue;
    each.key = TreeKey::decode(reader);
    each.hash = reader.integer<crypto::Digest>();
    each.in_deferred = reader.boolean();
  }
  return value;
}

crypto::Digest hash(const NodeValue& value) {
  std::array<std::byte, 1 + NodeValue::kBytesMax> bytes;
  const std::byte* end = value.encode(put(bytes.data(), static_cast<uint8_t>(ValueTag::node)));
  return crypto::blake2b(ByteView(bytes.data(), end));
}

}  // namespace themis::monitor
