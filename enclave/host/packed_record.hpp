#pragma once
// A record as the shard keeps it: its encoding, in the entry when it is short, else in a slab.

#include "enclave/applications/types.hpp"
#include "enclave/host/slab.hpp"
#include "enclave/monitor/slots.hpp"

namespace themis::host {

/// Valid until the record is written or its table grows.
using monitor::EncodedRecord;

/// 42 bytes. Whoever has it gives its chunk back with clear(); a copy is the same record, of which
/// one is cleared. What is written is never read again at once: it is encoded where it stays, since
/// a load of what two stores have just written would wait for both. One thread.
template <class App>
class PackedRecord {
 public:
  using Key = typename App::Key;
  using Value = std::optional<typename App::Value>;
  /// Of a present record, encoded. No type of ours has values of no bytes.
  static constexpr size_t kBytesMax = Key::kBytesMax + App::Value::kBytesMax;
  static_assert(kBytesMax <= Slab::kBytesMax);

  /// What a record of so many encoded bytes takes beside the entry.
  static constexpr size_t chunk_bytes(size_t bytes) {
    return kBytesMax <= kInline || bytes <= kInline ? 0 : Slab::rounded(bytes);
  }
  static size_t chunk_bytes(const monitor::Record<App>& record) {
    return chunk_bytes(size_of(record.key) + (record.value ? size_of(*record.value) : 0));
  }
  size_t chunk_bytes() const { return chunk_bytes(bytes_); }

  bool used() const { return key_bytes_ != 0; }
  bool has(const Key& key) const { return key.is_at(data()); }
  Key key() const {
    monitor::Reader reader(encoded().key);
    return Key::decode(reader);
  }
  bool present() const { return bytes_ > key_bytes_; }
  Value value() const {
    if (!present()) return std::nullopt;
    monitor::Reader reader(encoded().value);
    return App::Value::decode(reader);
  }
  monitor::Record<App> unpacked() const { return {key(), value()}; }
  EncodedRecord encoded() const {
    return {ByteView(data(), key_bytes_), ByteView(data() + key_bytes_, data() + bytes_)};
  }

  /// An absent record, where there was none.
  void start(Slab& slab, const Key& key) {
    resize(slab, size_of(key));
    key_bytes_ = bytes_;
    key.encode(data());
  }
  void write(Slab& slab, const Value& value) {
    resize(slab, key_bytes_ + (value ? size_of(*value) : 0));
    if (value) value->encode(data() + key_bytes_);
  }
  /// Whether a value of so many encoded bytes goes where the one before is.
  bool fits(size_t value_bytes) const {
    return chunk_bytes(key_bytes_ + value_bytes) == chunk_bytes();
  }
  /// Encoded, which fits; none of this record's own bytes. Empty: absent.
  void write_fitting(ByteView value) {
    bytes_ = static_cast<uint16_t>(key_bytes_ + value.size());
    monitor::copy_bytes(data() + key_bytes_, value.data(), value.size());
  }
  void clear(Slab& slab) {
    if (is_in_slab()) slab.give(data(), bytes_);
    bytes_ = key_bytes_ = 0;
  }
  /// Brings a chunk closer.
  void prefetch() const {
    if (is_in_slab()) __builtin_prefetch(data());
  }

 private:
  static constexpr size_t kInline = 38;

  /// A type that does not say its length has one for all its values.
  template <class T>
  static size_t size_of(const T& value) {
    if constexpr (requires { value.encoded_bytes(); })
      return value.encoded_bytes();
    else
      return T::kBytesMax;
  }
  bool is_in_slab() const { return chunk_bytes() != 0; }
  const std::byte* data() const {
    return is_in_slab() ? load<const std::byte*>(inline_.data()) : inline_.data();
  }
  std::byte* data() { return const_cast<std::byte*>(std::as_const(*this).data()); }
  /// The key stays.
  void resize(Slab& slab, size_t bytes) {
    if (chunk_bytes(bytes) == chunk_bytes()) {
      bytes_ = static_cast<uint16_t>(bytes);
      return;
    }
    const PackedRecord before = *this;
    bytes_ = static_cast<uint16_t>(bytes);
    if (is_in_slab()) store(inline_.data(), slab.take(bytes));
    monitor::copy_bytes(data(), before.data(), key_bytes_);
    if (before.is_in_slab()) slab.give(const_cast<std::byte*>(before.data()), before.bytes_);
  }

  uint16_t key_bytes_ = 0, bytes_ = 0;
  std::array<std::byte, kInline> inline_;
};

}  // namespace themis::host
