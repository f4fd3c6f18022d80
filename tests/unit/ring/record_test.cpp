#include "actors/ring/record.hpp"

#include <gtest/gtest.h>

#include "actors/ring/record_tree.hpp"
#include "actors/ring/record_verifier.hpp"
#include "tests/unit/ring/ring_samples.hpp"

namespace themis::ring {
namespace {

RecordPtrs signed_together(unsigned provider, size_t count) {
  Records records(count, unsigned_record(provider));
  for (size_t i = 0; i < count; ++i) records[i].name = "name-" + std::to_string(i);
  return sign_records(identity_at(provider), std::move(records), kSignedMs);
}

Code code_of(RecordVerifier& verifier, const Record& record) {
  const Status status = verifier.verify(record);
  return status ? Code::internal : status.error().code;
}

TEST(RecordTree, EveryLeafOfEverySizeLeadsToTheRoot) {
  for (uint32_t count = 1; count <= 70; ++count) {
    std::vector<crypto::Digest> leaves(count);
    for (uint32_t i = 0; i < count; ++i)
      leaves[i] = crypto::blake2b(std::as_bytes(std::span(&i, 1)));
    const RecordTree tree(leaves);
    for (uint32_t i = 0; i < count; ++i) {
      RecordProof proof;
      proof.index = i;
      proof.count = count;
      proof.path = tree.path(i);
      Climb climb(proof, leaves[i]);
      while (!climb.at_root()) ASSERT_TRUE(climb.step()) << i << " of " << count;
      EXPECT_TRUE(climb.is_complete());
      EXPECT_EQ(climb.slot(), 1u);
      EXPECT_EQ(climb.digest(), tree.root());
    }
  }
}

TEST(RecordTree, LeavesNodesAndRootsNeverHashAlike) {
  const crypto::Digest a = crypto::blake2b(as_bytes("a"));
  const crypto::Digest b = crypto::blake2b(as_bytes("b"));
  EXPECT_EQ(RecordTree({a}).root(), a);
  EXPECT_EQ(RecordTree({a, b}).root(), node_digest(a, b));
  EXPECT_NE(node_digest(a, b), node_digest(b, a));
  crypto::Hasher hasher("themis/record/node/v1");
  EXPECT_EQ(node_digest(a, b), hasher.add(a).add(b).finish());
}

TEST(RecordVerifier, AThousandRecordsOfOneProviderCostOneSignature) {
  RecordVerifier verifier("test");
  const RecordPtrs records = signed_together(1, 1000);
  for (int round = 0; round < 2; ++round)
    for (const RecordPtr& record : records) ASSERT_TRUE(verifier.verify(*record));
  EXPECT_EQ(verifier.signatures_checked(), 1u);
  ASSERT_TRUE(verifier.verify(*record_of(2)));
  EXPECT_EQ(verifier.signatures_checked(), 2u);
}

TEST(RecordVerifier, LeastRecentlyUsedSignatureIsForgottenFirst) {
  RecordVerifier verifier("test", 2);
  const auto first = record_of(1), second = record_of(2), third = record_of(3);
  for (const RecordPtr& record : {first, second, first, third, first})
    ASSERT_TRUE(verifier.verify(*record));
  EXPECT_EQ(verifier.signatures_checked(), 3u);
  ASSERT_TRUE(verifier.verify(*second));
  EXPECT_EQ(verifier.signatures_checked(), 4u);
}

// A node whose cache already knew the lower part of a tree once would have kept a record that no
// other node accepts.
TEST(RecordVerifier, AdversaryPathIsWrongAtAnyHeightWhateverIsRemembered) {
  constexpr uint64_t kSeed = 5;
  SeededRng rng(kSeed);
  const RecordPtrs records = signed_together(1, 700);
  RecordVerifier warm("test");
  for (const RecordPtr& record : records) ASSERT_TRUE(warm.verify(*record));
  for (int round = 0; round < 300; ++round) {
    RecordVerifier cold("test");
    Record record = *records[rng.below(records.size())];
    const size_t at = rng.below(record.proof.path.size());
    record.proof.path[at][rng.below(32)] ^= std::byte{1};
    EXPECT_EQ(code_of(warm, record), Code::forged) << "seed " << kSeed << " round " << round;
    EXPECT_EQ(code_of(cold, record), Code::forged) << "seed " << kSeed << " round " << round;
  }
  for (const RecordPtr& record : records) {
    Record longer = *record;
    longer.proof.path.emplace_back();
    EXPECT_NE(code_of(warm, longer), Code::internal);
    longer.proof.path.resize(record->proof.path.size() - 1);
    EXPECT_EQ(code_of(warm, longer), Code::forged);
  }
}

TEST(RecordVerifier, AdversaryRecordOfAnotherNetworkOrKeyIsForged) {
  RecordVerifier verifier("test");
  RecordVerifier other("test2");
  EXPECT_TRUE(verifier.verify(*record_of(1)));
  EXPECT_EQ(code_of(other, *record_of(1)), Code::forged);
  Record ghost = unsigned_record(1);
  EXPECT_EQ(code_of(verifier, *sign_one(ghost, 2)), Code::forged);
}

TEST(RecordSigner, SequencesGrowWithTheClockAndWithinAMillisecond) {
  RecordSigner signer(identity_at(1));
  const auto sequence = [&](int64_t wall_ms) {
    Record record = unsigned_record(1);
    record.expires_ms = wall_ms + 1'000;
    return signer.sign({record}, wall_ms).front()->sequence;
  };
  EXPECT_EQ(sequence(5'000), 5'000u);
  EXPECT_EQ(sequence(5'000), 5'001u);
  EXPECT_EQ(sequence(4'000), 5'002u);
  EXPECT_EQ(sequence(9'000), 9'000u);
}

}  // namespace
}  // namespace themis::ring
