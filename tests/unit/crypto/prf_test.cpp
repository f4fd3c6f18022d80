// The PRF against its published vectors, and the sixteen lanes against one at a time.

#include "runtime/crypto/prf.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace themis::crypto {
namespace {

std::string hex(const PrfBlock& block) { return to_hex(std::as_bytes(std::span(block))); }

std::vector<PrfKind> kinds() {
  std::vector<PrfKind> all;
  for (const PrfKind kind : {PrfKind::cmac_vaes, PrfKind::cmac_aes, PrfKind::siphash})
    if (available(kind)) all.push_back(kind);
  return all;
}

SecretBytes<16> key_from(std::string_view text) {
  const Bytes bytes = from_hex(text).value();
  return SecretBytes<16>(std::span<const std::byte, 16>(bytes));
}

// RFC 4493 section 4.
TEST(Prf, CmacMeetsTheVectorsOfRfc4493) {
  const Bytes message = from_hex(
                            "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51"
                            "30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710")
                            .value();
  const std::pair<size_t, const char*> vectors[] = {{0, "bb1d6929e95937287fa37d129b756746"},
                                                    {16, "070a16b46b4d4144f79bdd9dd04a287c"},
                                                    {40, "dfa66747de9ae63030ca32611497c827"},
                                                    {64, "51f0bebf7e3b9d92fc49741779363cfe"}};
  size_t met = 0;
  for (const PrfKind kind : kinds()) {
    if (kind == PrfKind::siphash) continue;
    const Prf prf(key_from("2b7e151628aed2a6abf7158809cf4f3c"), kind);
    for (const auto& [size, tag] : vectors) {
      const ByteView part = ByteView(message).first(size);
      EXPECT_EQ(hex(prf.evaluate(part)), tag) << size;
      PrfSum sum;
      sum.add(prf, part);
      EXPECT_EQ(hex(sum.sum(prf)), tag) << size << " in a lane";
      ++met;
    }
  }
  EXPECT_EQ(met, 4 * (kinds().size() - 1));
}

// Aumasson and Bernstein's reference code, vectors.h, the first two of vectors_sip128.
TEST(Prf, SiphashMeetsTheReferenceVectors) {
  const Prf prf(key_from("000102030405060708090a0b0c0d0e0f"), PrfKind::siphash);
  EXPECT_EQ(hex(prf.evaluate({})), "a3817f04ba25a8e66df67214c7550293");
  EXPECT_EQ(hex(prf.evaluate(Bytes(1))), "da87c1d86b99af44347659119b22fc45");
}

TEST(Prf, ASumIsTheXorOfEveryValueInWhateverOrderAndLength) {
  SeededRng rng(1);
  for (const PrfKind kind : kinds()) {
    const Prf prf(SecretBytes<16>(rng), kind);
    for (const size_t messages : {1, 15, 16, 17, 32, 200}) {
      PrfSum sum;
      PrfBlock expected{};
      for (size_t i = 0; i < messages; ++i) {
        // Runs of one length fill the lanes, jumps empty them half full, 129 bytes pass them by.
        const size_t lengths[] = {28, 28, 28, 28, 28, 0, 16, 32, 128, 129, 181, 1'500, 4'096};
        Bytes message(i < 40 ? 28 : lengths[rng.below(std::size(lengths))]);
        rng.fill(message);
        const auto write = [&](std::byte* to) {
          return std::copy(message.begin(), message.end(), to);
        };
        rng.below(2) == 0 ? sum.add(prf, message) : sum.add_written<4'096>(prf, write);
        const PrfBlock one = prf.evaluate(message);
        expected = {expected[0] ^ one[0], expected[1] ^ one[1]};
      }
      EXPECT_EQ(sum.sum(prf), expected) << messages;
    }
  }
}

TEST(Prf, ABatchGivesEveryMessageItsOwnValueUnderItsOwnKey) {
  SeededRng rng(3);
  for (const PrfKind kind : kinds()) {
    std::array<Prf, 5> prfs;
    for (Prf& each : prfs) each.rekey(SecretBytes<16>(rng), kind);
    for (size_t count = 0; count < 40; ++count) {
      PrfBatch batch;
      std::vector<PrfBlock> expected, values(count);
      for (size_t i = 0; i < count; ++i) {
        // Runs of one length, so that all lanes are used, and changes between them.
        Bytes message(rng.below(8) == 0 ? rng.below(201) : count);
        rng.fill(message);
        const Prf& prf = prfs[rng.below(prfs.size())];
        expected.push_back(prf.evaluate(message));
        const auto write = [&](std::byte* to) {
          return std::copy(message.begin(), message.end(), to);
        };
        auto* value = reinterpret_cast<std::byte*>(&values[i]);
        batch.add_written<200>(prf, value, write);
      }
      batch.flush();
      ASSERT_EQ(values, expected) << count;
    }
  }
}

TEST(Prf, KindsOfOneFunctionAgreeAndKeysDoNot) {
  SeededRng rng(2);
  const SecretBytes<16> key(rng), other(rng);
  Bytes message(45);
  rng.fill(message);
  std::vector<PrfBlock> cmac;
  for (const PrfKind kind : kinds()) {
    const PrfBlock value = Prf(key, kind).evaluate(message);
    EXPECT_NE(value, Prf(other, kind).evaluate(message));
    if (kind != PrfKind::siphash) cmac.push_back(value);
  }
  for (const PrfBlock& value : cmac) EXPECT_EQ(value, cmac.front());
}

TEST(Prf, WipingLeavesNothingOfTheKey) {
  SeededRng rng(3);
  alignas(Prf) std::array<std::byte, sizeof(Prf)> place{};
  auto* prf =
      std::construct_at(reinterpret_cast<Prf*>(place.data()), SecretBytes<16>(rng), best_prf());
  std::destroy_at(prf);
  // What stays is the kind, one byte.
  EXPECT_LE(std::count_if(place.begin(), place.end(), [](std::byte b) { return b != std::byte{}; }),
            1);
}

}  // namespace
}  // namespace themis::crypto
