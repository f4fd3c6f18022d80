#include "runtime/oyster/transaction.hpp"

#include <gtest/gtest.h>

#include <random>

#include "runtime/base/rng.hpp"
#include "runtime/oyster/requests.hpp"

namespace themis::oyster {
namespace {

constexpr std::string_view kContract = "0x44fe06d2940b8782a0a9a9ffd09c65852c0156b1";

std::string word(uint64_t number) {
  std::string text = "0000000000000000";
  constexpr char kDigits[] = "0123456789abcdef";
  for (size_t i = 16; i-- > 0; number /= 16) text[i] = kDigits[number % 16];
  return std::string(48, '0') + text;
}

std::string calldata(std::string_view code, uint64_t offset = 32, int64_t longer = 0) {
  std::string text = "0x01020304" + word(offset) +
                     word(static_cast<uint64_t>(static_cast<int64_t>(code.size()) + longer)) +
                     to_hex(as_bytes(code));
  while ((text.size() - 10) % 64 != 0) text += '0';
  return text;
}

std::string answer(std::string_view result) {
  return R"({"jsonrpc":"2.0","id":1,"result":)" + std::string(result) + "}";
}

std::string transaction(std::string_view input, std::string_view to = kContract) {
  return answer(R"({"to":")" + std::string(to) + R"(","input":")" + std::string(input) + R"("})");
}

void expect_trouble(std::string_view text, NoCode why, std::string_view said) {
  const auto read = read_transaction(text, kContract);
  ASSERT_FALSE(read) << text;
  EXPECT_EQ(read.error(), (Trouble{why, std::string(said)})) << text;
}

TEST(OysterTransaction, HoldsCodeAfterTwoWordsOfTheCall) {
  const auto read = read_transaction(transaction(calldata("export default {}")), kContract);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->code, "export default {}");
  EXPECT_TRUE(read->is_string);
  const auto empty = read_transaction(transaction(calldata("")), kContract);
  ASSERT_TRUE(empty);
  EXPECT_EQ(empty->code, "");
}

TEST(OysterTransaction, IsForTheContractInAnyCase) {
  const std::string upper = "0x44FE06D2940B8782A0A9A9FFD09C65852C0156B1";
  EXPECT_TRUE(read_transaction(transaction(calldata("x"), upper), kContract));
  const std::string other = "0x0784E2d4551905f66269b133aa4f43fe3d23b707";
  expect_trouble(transaction(calldata("x"), other), NoCode::other_contract,
                 "to address " + other + " does not match expected " + std::string(kContract));
}

TEST(OysterTransaction, SaysWhatIsWrongInOystersWords) {
  for (const char* none :
       {"", "no JSON", "[]", R"({"jsonrpc":"2.0","id":1})",
        R"({"result":{},"error":{"code":-32000,"message":"busy"}})", R"({"result":7})"})
    expect_trouble(none, NoCode::no_answer, "failed to retrieve calldata");
  expect_trouble(answer("null"), NoCode::not_found, "tx not found");
  expect_trouble(answer(R"({"to":null,"input":"0x"})"), NoCode::no_address,
                 "to field of transaction is not an address");
  const std::string to = R"("to":")" + std::string(kContract) + '"';
  expect_trouble(answer("{" + to + "}"), NoCode::no_text,
                 "calldata field of transaction is not a string");
  for (const char* input : {"", "0x", "0x01020304", "zz", "0xzz", "0x123"})
    expect_trouble(transaction(input), NoCode::no_hex, "calldata is not a valid hex string");
}

// Oyster panics on these and drops the connection.
TEST(OysterTransaction, RegressShortCalldataIsAnAnswer) {
  const std::string whole = calldata("");
  for (size_t length = 2; length < whole.size(); length += 2)
    expect_trouble(transaction(whole.substr(0, length)), NoCode::no_hex,
                   "calldata is not a valid hex string");
}

TEST(OysterTransaction, KnowsWhatTheAbiCallsAString) {
  const auto is_string = [](const std::string& input) {
    return read_transaction(transaction(input), kContract)->is_string;
  };
  EXPECT_TRUE(is_string(calldata("abc")));
  EXPECT_FALSE(is_string(calldata("abc", 64)));
  EXPECT_FALSE(is_string(calldata("abc", 32, 1000)));
  std::string huge = calldata("abc");
  huge[10 + 64] = 'f';  // a length of over 2^252
  EXPECT_FALSE(is_string(huge));
}

TEST(OysterTransaction, IsAskedForByJsonRpc) {
  const Bytes hash(32, std::byte{0xAB});
  EXPECT_EQ(transaction_request(hash),
            R"({"id":1,"jsonrpc":"2.0","method":"eth_getTransactionByHash","params":["0x)" +
                to_hex(hash) + R"("]})");
}

TEST(OysterDeposit, IsWhatTheContractSaysOfTheTransaction) {
  const Bytes hash(32, std::byte{0x11});
  // The first bytes of keccak256("balanceOf(bytes32)").
  EXPECT_NE(deposit_request(hash, kContract).find("\"data\":\"0x"), std::string::npos);
  const auto paid = [](const std::string& number) {
    return has_deposit(answer('"' + number + '"'), 200);
  };
  EXPECT_EQ(paid("0x" + word(200)), false);
  EXPECT_EQ(paid("0x" + word(201)), true);
  EXPECT_EQ(paid("0x" + std::string(64, 'f')), true);
  for (const char* none : {"0x", "0x12", "", "1"}) EXPECT_FALSE(paid(none)) << none;
  EXPECT_FALSE(has_deposit("{}", 200));
}

TEST(OysterTransaction, AnswersWhateverBytesItIsGiven) {
  const uint64_t seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  SeededRng rng(seed);
  const std::string whole = transaction(calldata("export default {}"));
  for (int i = 0; i < 5000; ++i) {
    std::string text = whole;
    for (uint64_t changes = 1 + rng.next() % 4; changes > 0; --changes)
      text[rng.next() % text.size()] = static_cast<char>(rng.next());
    text.resize(text.size() - (rng.next() % 2) * (rng.next() % text.size()));
    const auto read = read_transaction(text, kContract);
    if (!read) EXPECT_FALSE(read.error().text.empty());
    (void)has_deposit(text, 1);
    (void)parse_first_call(text);
  }
}

TEST(OysterFirstCall, NamesOneCodeAndAnObject) {
  const auto call = parse_first_call(R"({"tx_hash":"0x12","input":{"num":10}})");
  ASSERT_TRUE(call);
  EXPECT_EQ(call->tx_hash, "0x12");
  EXPECT_EQ(call->input, R"({"num":10})");
  EXPECT_EQ(parse_first_call(R"({"code_id":"a"})")->input, "null");
  for (const char* wrong : {"", "[]", "7", "{}", R"({"tx_hash":""})", R"({"tx_hash":7})",
                            R"({"tx_hash":"a","code_id":"b"})", R"({"tx_hash":"a","input":7})"})
    EXPECT_FALSE(parse_first_call(wrong)) << wrong;
  EXPECT_FALSE(parse_first_call(R"({"code_id":")" + std::string(300, 'a') + R"("})"));
}

}  // namespace
}  // namespace themis::oyster
