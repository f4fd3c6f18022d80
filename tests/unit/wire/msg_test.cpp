#include "wire/msg.hpp"

#include <gtest/gtest.h>

#include "function.capnp.h"
#include "ring.capnp.h"
#include "rpc.capnp.h"
#include "runtime/base/rng.hpp"

namespace themis::wire {
namespace {

FramePtr frame_of(ByteView bytes, uint64_t type) {
  FramePtr frame = Frame::make(bytes.size() / Frame::kWordBytes);
  std::copy(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(frame->size()),
            frame.writable()->data());
  frame.writable()->set_type(type);
  return frame;
}

/// Reads all there is: every pointer is followed.
Status read_all(const schema::Invoke::Reader& invoke) {
  size_t bytes = invoke.getFunction().size() + invoke.getCode().size() + invoke.getMethod().size() +
                 invoke.getUrl().size() + invoke.getBody().size();
  for (const auto header : invoke.getHeaders())
    bytes += header.getName().size() + header.getValue().size();
  return bytes < SIZE_MAX ? Status{} : fail(Code::internal, "never");
}

Msg<schema::Invoke> some_invoke() {
  Builder<schema::Invoke> invoke;
  invoke->setFunction("prime_factors");
  invoke->setMethod("POST");
  auto headers = invoke->initHeaders(3);
  for (unsigned i = 0; i < 3; ++i) {
    headers[i].setName("name");
    headers[i].setValue("value");
  }
  invoke->setBody(to_data(as_bytes("{\"num\": 10}")));
  return invoke.finish();
}

TEST(Msg, ReadsWhatWasBuiltWithoutACopy) {
  Builder<schema::Echo> echo;
  echo->setSequence(42);
  echo->setPayload(to_data(as_bytes("payload")));
  const Msg<schema::Echo> message = echo.finish(TimePoint(5s));
  EXPECT_EQ(message.frame()->type(), Msg<schema::Echo>::kType);
  EXPECT_EQ(message.frame()->deadline(), TimePoint(5s));
  const Msg<schema::Echo> same = message;
  EXPECT_EQ(same.frame()->data(), message.frame()->data());
  EXPECT_EQ(same.view()->getSequence(), 42u);
  EXPECT_EQ(as_text(bytes_of(same.view()->getPayload())), "payload");
}

TEST(Msg, HoldsNoMoreThanItsContent) {
  Builder<schema::Echo> echo(4096);
  echo->setSequence(1);
  EXPECT_EQ(echo.finish().frame()->words(), 3u);  // root pointer, one data word, one pointer
}

TEST(Msg, BecomesOneSegmentWhateverTheHint) {
  for (const size_t hint : {0, 1, 2, 3, 5, 64, 4000}) {
    Builder<schema::Invoke> invoke(hint);
    const std::string body(20'000, 'b');
    invoke->setFunction("f");
    auto headers = invoke->initHeaders(50);
    for (unsigned i = 0; i < 50; ++i) headers[i].setValue("value " + std::to_string(i));
    invoke->setBody(to_data(as_bytes(body)));
    const Msg<schema::Invoke> message = invoke.finish();
    const auto view = message.view();
    EXPECT_EQ(text_of(view->getFunction()), "f") << hint;
    EXPECT_EQ(text_of(view->getHeaders()[49].getValue()), "value 49") << hint;
    EXPECT_EQ(as_text(bytes_of(view->getBody())), body) << hint;
  }
}

TEST(Msg, GrowsByManySmallPieces) {
  Builder<schema::HandOver> builder(2);
  auto entries = builder->initEntries(200);
  for (unsigned i = 0; i < 200; ++i) entries[i].initRecord().setName("name " + std::to_string(i));
  const Msg<schema::HandOver> message = builder.finish();
  EXPECT_EQ(text_of(message.view()->getEntries()[199].getRecord().getName()), "name 199");
}

TEST(Decode, RefusesAnEmptyMessage) {
  const Msg<schema::Invoke> none;
  EXPECT_EQ(decode(none, read_all).error().code, Code::malformed);
  const Msg<schema::Invoke> empty(Frame::make(0));
  const Status status = decode(empty, read_all);
  EXPECT_TRUE(status || status.error().code == Code::malformed);
}

TEST(Decode, RefusesEveryTruncationOrReadsItWithinItsBounds) {
  const Msg<schema::Invoke> whole = some_invoke();
  ASSERT_TRUE(decode(whole, read_all));
  size_t refused = 0;
  for (size_t words = 1; words < whole.frame()->words(); ++words) {
    const Msg<schema::Invoke> cut(frame_of(whole.frame()->bytes().first(words * 8), 0));
    const Status status = decode(cut, read_all);
    if (!status) {
      EXPECT_EQ(status.error().code, Code::malformed);
    }
    refused += !status;
  }
  EXPECT_EQ(refused, whole.frame()->words() - 1);
}

TEST(Decode, AdversaryRandomBytesNeverDoMoreThanFail) {
  const uint64_t seed = SystemRng{}.next();
  SCOPED_TRACE("seed " + std::to_string(seed));
  SeededRng rng(seed);
  for (int round = 0; round < 3000; ++round) {
    Bytes bytes(8 * rng.below(64));
    rng.fill(bytes);
    // A pointer that is nearly right reaches further into the reader.
    if (bytes.size() >= 8 && round % 2 == 0) store<uint64_t>(bytes.data(), 0x0005000200000000);
    const FramePtr frame = frame_of(bytes, 0);
    const Status invoke = decode(Msg<schema::Invoke>(frame), read_all);
    if (!invoke) {
      EXPECT_EQ(invoke.error().code, Code::malformed);
    }
  }
}

TEST(Decode, AdversaryFlippedBitsNeverDoMoreThanFail) {
  const Msg<schema::Invoke> whole = some_invoke();
  const ByteView bytes = whole.frame()->bytes();
  size_t refused = 0;
  for (size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    Bytes changed(bytes.begin(), bytes.end());
    changed[bit / 8] ^= static_cast<std::byte>(1 << bit % 8);
    const Status status = decode(Msg<schema::Invoke>(frame_of(changed, 0)), read_all);
    if (!status) {
      EXPECT_EQ(status.error().code, Code::malformed);
    }
    refused += !status;
  }
  EXPECT_GT(refused, 0u);
}

/// A list of structs without content: one word of frame for half a billion elements.
TEST(Decode, AdversaryAListOfNothingDoesNotAmplify) {
  Bytes bytes(8 * 6);
  store<uint64_t>(bytes.data(), 0x0001'0000'0000'0000);  // root: one pointer
  store<uint64_t>(bytes.data() + 8,
                  0x0000'0007'0000'0001);  // composite list, 0 words, right behind
  store<uint64_t>(bytes.data() + 16, uint64_t{0x1fff'ffff} << 2);  // tag: 2^29 elements of size 0
  uint64_t steps = 0;
  const Status status = decode(Msg<schema::HandOver>(frame_of(bytes, 0)),
                               [&](const schema::HandOver::Reader& reader) -> Status {
                                 for (const auto entry : reader.getEntries())
                                   steps += 1 + entry.getReplica();
                                 return {};
                               });
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, Code::malformed);
  EXPECT_LT(steps, 10'000u);
}

/// Many pointers to the same large thing: each is followed, and each counts.
TEST(Decode, AdversarySharedPointersReachTheTraversalLimit) {
  constexpr size_t kHeaders = 1000, kTextWords = 1000;
  constexpr size_t kList = 7;  // behind the root pointer and the 6 pointers of an Invoke
  constexpr size_t kTexts = kList + 1 + kHeaders * 2;
  Bytes bytes(8 * (kTexts + kTextWords));
  const auto put = [&](size_t word, uint64_t value) { store(bytes.data() + word * 8, value); };
  const auto list_pointer = [](size_t at, size_t to, uint64_t element, uint64_t count) {
    return uint64_t{to - at - 1} << 2 | 1 | element << 32 | count << 35;
  };
  put(0, uint64_t{6} << 48);                                // a struct of 6 pointers
  put(5, list_pointer(5, kList, 7, kHeaders * 2));          // headers: a composite list
  put(kList, uint64_t{kHeaders} << 2 | uint64_t{2} << 48);  // of structs of 2 pointers
  for (size_t at = kList + 1; at < kTexts; ++at)
    put(at, list_pointer(at, kTexts, 2, kTextWords * 8));
  uint64_t read = 0;
  const Status status = decode(Msg<schema::Invoke>(frame_of(bytes, 0)),
                               [&](const schema::Invoke::Reader& invoke) -> Status {
                                 for (const auto header : invoke.getHeaders())
                                   read += header.getName().size();
                                 return {};
                               });
  ASSERT_FALSE(status) << "read " << read << " bytes";
  EXPECT_NE(status.error().detail.find("limit"), std::string::npos) << status.error().detail;
  EXPECT_LE(read, bytes.size() * kTraversalFactor + kTraversalExtraWords * 8);
}

}  // namespace
}  // namespace themis::wire
