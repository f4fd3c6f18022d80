// Where the shard keeps its records: chunks that nobody shares, and bytes that nobody set and so
// nobody may see.

#include <gtest/gtest.h>

#include <malloc.h>

#include <map>

#include "enclave/applications/state_store.hpp"
#include "enclave/host/packed_record.hpp"
#include "tests/unit/enclave/shard_mesh.hpp"

namespace themis::host {
namespace {

using monitor::Blob;
using monitor::ByteStore;
using monitor::StateKey;
using monitor::StateStore;

// Chunks of random sizes, each with bytes of its own; what is given back is used again.
TEST(Slab, ChunksAreNobodyElses) {
  SeededRng rng(1);
  Slab slab;
  struct Taken {
    std::byte* chunk;
    size_t bytes;
    std::byte mark;
  };
  std::vector<Taken> taken;
  uint64_t used = 0, bytes_max = 0;
  for (int i = 0; i < 60'000; ++i) {
    // Fills and empties in turns, and whole sizes go: pages change theirs.
    const bool fills = i / 5'000 % 2 == 0;
    if (taken.empty() || rng.below(10) < (fills ? 9u : 1u)) {
      const size_t bytes = 1 + rng.below(i / 10'000 % 2 == 0 ? 200 : Slab::kBytesMax);
      const auto mark = static_cast<std::byte>(rng.below(256));
      taken.push_back({slab.take(bytes), bytes, mark});
      EXPECT_EQ(reinterpret_cast<uintptr_t>(taken.back().chunk) % 16, 0u);
      std::memset(taken.back().chunk, static_cast<int>(mark), bytes);
      used += Slab::rounded(bytes);
    } else {
      std::swap(taken[rng.below(taken.size())], taken.back());
      const Taken& last = taken.back();
      for (size_t at = 0; at < last.bytes; ++at) ASSERT_EQ(last.chunk[at], last.mark) << i;
      slab.give(last.chunk, last.bytes);
      used -= Slab::rounded(last.bytes);
      taken.pop_back();
    }
    ASSERT_GE(slab.bytes(), used);
    bytes_max = std::max(bytes_max, slab.bytes());
  }
  for (const Taken& each : taken) slab.give(each.chunk, each.bytes);
  EXPECT_EQ(slab.bytes(), 0u);
  EXPECT_LT(bytes_max, uint64_t{40} << 20);
}

// Pages of a size that is not used any more serve another.
TEST(Slab, EmptyPagesChangeTheirSize) {
  Slab slab;
  for (const size_t bytes : {64u, 1'000u, 4'096u, 32u}) {
    std::vector<std::byte*> chunks;
    while (slab.bytes() < 32 << 20) chunks.push_back(slab.take(bytes));
    EXPECT_LT(slab.held_bytes(), (32 << 20) * 5 / 4) << bytes;
    for (std::byte* each : chunks) slab.give(each, bytes);
    EXPECT_EQ(slab.bytes(), 0u);
  }
}

// Values grow and shrink over the border between entry and slab, keys short and long.
template <class App, class MakeKey>
void packs(MakeKey make_key) {
  SeededRng rng(2);
  Slab slab;
  constexpr size_t kKeys = 40;
  std::vector<PackedRecord<App>> packed(kKeys);
  std::map<size_t, monitor::Record<App>> model;
  for (int i = 0; i < 20'000; ++i) {
    const size_t at = rng.below(kKeys);
    if (!model.contains(at)) {
      model[at] = {make_key(rng, at), std::nullopt};
      packed[at].start(slab, model[at].key);
    } else if (rng.below(10) == 0) {
      packed[at].clear(slab);
      ASSERT_FALSE(packed[at].used());
      model.erase(at);
      continue;
    } else if (rng.below(4) == 0) {
      packed[at].write(slab, model[at].value = std::nullopt);
    } else {
      Bytes bytes(rng.below(2) == 0 ? rng.below(40) : rng.below(1'025));
      rng.fill(bytes);
      packed[at].write(slab, model[at].value = Blob<1'024>::from(bytes));
    }
    for (const auto& [number, record] : model) {
      ASSERT_TRUE(packed[number].used() && packed[number].has(record.key));
      ASSERT_EQ(packed[number].present(), record.value.has_value());
    }
    ASSERT_EQ(packed[at].key(), model[at].key);
    ASSERT_EQ(packed[at].value(), model[at].value);
    std::array<std::byte, PackedRecord<App>::kBytesMax> bytes;
    std::byte* end = model[at].key.encode(bytes.data());
    const ByteView key(bytes.data(), end);
    ASSERT_TRUE(std::ranges::equal(packed[at].encoded().key, key));
    if (model[at].value) end = model[at].value->encode(end);
    const ByteView value(key.data() + key.size(), end);
    ASSERT_TRUE(std::ranges::equal(packed[at].encoded().value, value));
  }
  for (const auto& each : model) packed[each.first].clear(slab);
  EXPECT_EQ(slab.bytes(), 0u);
}

TEST(PackedRecord, IsTheRecord) {
  packs<ByteStore>([](SeededRng& rng, size_t at) {
    Bytes text(rng.below(129), static_cast<std::byte>(at));
    return Blob<128>::from(text);
  });
  packs<StateStore>([](SeededRng& rng, size_t at) {
    return StateKey::of(as_bytes("space"), Bytes(rng.below(180), static_cast<std::byte>(at)));
  });
}

/// Everything below the caller's frame that calls will use.
__attribute__((noinline)) void fill_stack(int with) {
  std::array<std::byte, 128 * 1024> below;
  std::memset(below.data(), with, below.size());
  asm volatile("" : : "r"(below.data()) : "memory");
}

/// All that a host and a monitor say of the same random calls on memory that was full of `with`.
Bytes said_on(int with, uint64_t seed) {
  (void)mallopt(M_PERTURB, with);  // what malloc gives and free takes is filled
  SeededRng rng(seed);
  Bytes said;
  {
    Mesh<StateStore> mesh(1, 64, 16, seed);
    mesh.change = [&](uint16_t, const Bytes& batch) { append(said, batch); };
    for (int i = 0; i < 3'000; ++i) {
      fill_stack(with);
      const auto key = [&rng] {
        const std::string number = std::to_string(rng.below(40));
        return StateKey::of(as_bytes("n"), as_bytes(number + std::string(rng.below(2) * 90, 'k')));
      };
      const auto value = [&rng] {
        return StateStore::Value::from(Bytes(rng.below(rng.below(2) == 0 ? 20 : 1'025)));
      };
      const StateKey first = key();
      StateStore::Arguments arguments{};
      arguments.value = value();
      if (rng.below(2) == 0) arguments.expected = value();
      const auto function = static_cast<uint8_t>(StateStore::read + rng.below(5));
      if (function == StateStore::transact) {
        std::byte* to = put(arguments.changes.bytes.data(), uint8_t{1});
        const crypto::Digest expected = monitor::hash(arguments.expected);
        to = value().encode(put(put(to, ByteView(expected)), uint8_t{2}));
        arguments.changes.size = static_cast<uint16_t>(to - arguments.changes.bytes.data());
      }
      EXPECT_TRUE(mesh.call(function, {first}, arguments));
      if (rng.below(200) == 0) mesh.end_epoch();
    }
    mesh.end_epoch();
    EXPECT_EQ(name(mesh.reason()), "none");
    EXPECT_TRUE(mesh.right());
    append(said, mesh.answered[0]);
  }
  (void)mallopt(M_PERTURB, 0);
  return said;
}

// A key of 192 and a value of 1,024 bytes are mostly bytes that nobody set.
TEST(AdversaryStateStore, RegressWhatNobodySetIsNeverEncodedHashedOrCompared) {
  for (uint64_t seed = 1; seed <= 3; ++seed)
    EXPECT_EQ(said_on(0xaa, seed), said_on(0x55, seed)) << "seed " << seed;
}

}  // namespace
}  // namespace themis::host
