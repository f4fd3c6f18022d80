#pragma once
// The application of a ledger: accounts, and payments that neither make nor lose money.

#include "enclave/applications/key_value.hpp"

namespace themis::monitor {

struct Account {
  static constexpr size_t kBytesMax = 16;
  uint64_t balance = 0;
  uint64_t payments = 0;  ///< Made so far; each payment names its number, so that none runs twice.
  friend bool operator==(const Account&, const Account&) = default;

  std::byte* encode(std::byte* to) const { return put(put(to, balance), payments); }
  static Account decode(Reader& reader) {
    Account account;
    account.balance = reader.integer<uint64_t>();
    account.payments = reader.integer<uint64_t>();
    return account;
  }
};

struct Ledger : EncodedCalls {
  using Key = Word;
  using Value = Account;
  using Result = Answer<Account>;  ///< The first account after the call.
  enum Function : uint8_t {
    balance = 1,  ///< Done when the account is open.
    open,         ///< amount: a new account with money issued to it.
    pay,          ///< amount, number: from the first account to the second.
    distribute,   ///< amount, number: from the first account to each of seven.
  };
  struct Arguments {
    uint64_t amount = 0, number = 0;
  };

  static size_t arity(uint8_t function) {
    return function == balance || function == open ? 1
           : function == pay                       ? 2
           : function == distribute                ? kRecordsPerCallMax
                                                   : 0;
  }
  static bool only_reads(uint8_t function) { return function == balance; }
  static Arguments decode(uint8_t function, Reader& reader) {
    Arguments arguments;
    if (function != balance) arguments.amount = reader.integer<uint64_t>();
    if (function > open) arguments.number = reader.integer<uint64_t>();
    return arguments;
  }
  static std::byte* encode(uint8_t function, const Arguments& arguments, std::byte* to) {
    if (function != balance) to = themis::monitor::put(to, arguments.amount);
    return function > open ? themis::monitor::put(to, arguments.number) : to;
  }
  static bool run(uint8_t function, const Arguments& arguments, std::span<Record<Ledger>> records,
                  Result& result) {
    std::optional<Account>& first = records[0].value;
    if (function == open) {
      result.done = !first.has_value();
      if (result.done) first = Account{arguments.amount, 0};
    } else {
      result.done = first && (function == balance || move(arguments, records));
    }
    result.value = first;
    return true;
  }

 private:
  static bool move(const Arguments& arguments, std::span<Record<Ledger>> records) {
    Account& from = *records[0].value;
    uint64_t total = 0;
    if (__builtin_mul_overflow(arguments.amount, records.size() - 1, &total)) return false;
    if (from.payments != arguments.number || from.balance < total) return false;
    for (const auto& to : records.subspan(1))
      if (!to.value || to.value->balance > UINT64_MAX - arguments.amount) return false;
    for (auto& to : records.subspan(1)) to.value->balance += arguments.amount;
    from.balance -= total;
    ++from.payments;
    return true;
  }
};

}  // namespace themis::monitor
