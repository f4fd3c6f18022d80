#include "runtime/js/cloned_bytes.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <random>

#include "runtime/base/rng.hpp"

namespace themis::js {
namespace {

Code checked(const std::string& value) {
  const Status status = check_cloned(as_bytes("\xFF\x0F" + value));
  return status ? Code{} : status.error().code;
}
constexpr Code kTaken{};

std::string text(std::initializer_list<int> bytes) {
  std::string out;
  for (const int byte : bytes) out += static_cast<char>(byte);
  return out;
}

TEST(ClonedBytes, TakesWhatTheSerializerWrites) {
  for (const std::string& value :
       {text({'_'}), text({'I', 2}), text({'N', 0, 0, 0, 0, 0, 0, 0, 0}), text({'"', 1, 'x'}),
        text({0, 'c', 2, 'x', 0}), text({'Z', 0x10, 1, 2, 3, 4, 5, 6, 7, 8}),
        text({'o', '"', 1, 'a', '^', 0, '{', 1}), text({'A', 2, '-', 'T', '$', 0, 2}),
        text({'A', 1, 'T', '"', 1, 'x', 'F', '$', 1, 1}), text({'a', 9, 'I', 2, 'T', '@', 1, 9}),
        text({';', 'T', 'F', ':', 2}), text({'\'', 'T', ',', 1}), text({'R', '"', 1, 'x', 1}),
        text({'B', 1, 7, 'V', 'B', 0, 1, 0}),
        text({'r', 'T', 'm', '"', 0, 's', '"', 0, 'c', '_', '.'}), text({'r', '.'}),
        text({'s', '"', 0}), text({'y'}), text({'z', 0})})
    EXPECT_EQ(checked(value), kTaken) << value;
}

TEST(ClonedBytes, AdversaryRefusesOtherFormsAndKinds) {
  for (const std::string& head : {"", "\xFF", "\xFF\x0D", "\xFF\x0E", "\xFF\x10", "_"})
    EXPECT_FALSE(check_cloned(as_bytes(std::string_view(head)))) << head;
  for (const char kind : std::string("ptuwmM~\\S?V-{$@:,.bdfghijklvq"))
    EXPECT_EQ(checked(text({kind, 0, 0, 0, 0})), Code::malformed) << kind;
  for (const std::string& value :
       {text({'_', '_'}),                           // more than one
        text({'"', 5, 'x'}),                        // beyond the end
        text({'B', 5, 1}), text({'Z', 9, 1}),       // the same
        text({'A', 100, '$', 0, 100}),              // a length without elements
        text({'A', 1, 'T', '$', 0, 2}),             // another length at the end
        text({'o', 'T', 'T', '{', 1}),              // a key that is none
        text({'o', '"', 1, 'a', 'T', '{', 2}),      // another count
        text({';', 'T', ':', 2}),                   // half an entry
        text({'B', 1, 7, 'V', 'B', 0, 1, 1}),       // a view that follows its buffer's length
        text({'B', 1, 7, 'V', 'x', 0, 1, 0}),       // of what?
        text({'I', 0xFF, 0xFF, 0xFF, 0xFF, 0x1F}),  // more than 32 bits
        text({'I', 0x80, 0x80, 0x80, 0x80, 0x80, 0}), text({'r', 's', '_', '.'}),
        text({'r', 's', '"', 0, 'm', '"', 0, '.'}), text({'R', 'T', 0})})
    EXPECT_EQ(checked(value), Code::malformed) << value;
}

TEST(ClonedBytes, AdversaryDepthAndObjectsHaveLimits) {
  const auto nested = [](size_t levels) {
    std::string value, end;
    for (size_t i = 0; i < levels; ++i) value += text({'A', 1}), end += text({'$', 0, 1});
    return value + "_" + end;
  };
  EXPECT_EQ(checked(nested(kClonedDepthMax)), kTaken);
  EXPECT_EQ(checked(nested(kClonedDepthMax + 2)), Code::too_large);
  EXPECT_EQ(checked(nested(400'000)), Code::too_large);
  std::string many = "'";
  for (size_t i = 0; i < kClonedObjectsMax; ++i) many += text({';', ':', 0});
  EXPECT_EQ(checked(many), Code::too_large);
}

TEST(ClonedBytes, AdversaryEndsOnAnyBytes) {
  const char* replay = std::getenv("THEMIS_SEED");
  const uint64_t seed = replay ? std::strtoull(replay, nullptr, 10) : std::random_device()();
  SeededRng rng(seed);
  constexpr std::string_view kKinds = "_0TFIUNZ\"c^oAaDnyxzsR;'Br{$@:,V.mEs";
  for (int i = 0; i < 50'000; ++i) {
    std::string value;
    for (uint64_t size = rng.below(40); size > 0; --size)
      value +=
          rng.below(3) > 0 ? kKinds[rng.below(kKinds.size())] : static_cast<char>(rng.below(256));
    const Code code = checked(value);
    ASSERT_TRUE(code == kTaken || code == Code::malformed) << "THEMIS_SEED=" << seed;
  }
}

}  // namespace
}  // namespace themis::js
