// A receipt's text. One walk over its members both writes and reads: there is one text for each
// receipt, the one that JSON.stringify(value, null, 2) gives as well.

#include <algorithm>
#include <charconv>

#include "enclave/receipts/receipt.hpp"

namespace themis::receipts {
namespace {

class Writer {
 public:
  void literal(std::string_view text) { text_ += text; }
  template <class T>
  void number(const T& value) {
    text_ += std::to_string(value);
  }
  void hex(ByteView bytes) { text_ += to_hex(bytes); }
  void hex(const Bytes& bytes, size_t) { text_ += to_hex(bytes); }
  /// Each of `items` in a line of its own, two spaces deeper than `indent`.
  template <class Items, class Walk>
  void list(Items& items, size_t, std::string_view indent, Walk walk) {
    text_ += '[';
    for (auto& item : items) {
      text_ += (&item == items.data() ? "\n" : ",\n") + std::string(indent) + "  ";
      walk(item);
    }
    text_ += items.empty() ? "]" : "\n" + std::string(indent) + "]";
  }
  std::string take() { return std::move(text_); }

 private:
  std::string text_;
};

/// After the first character that is not where it belongs, ok() is false and nothing more is read.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text), left_(text) {}

  void literal(std::string_view text) {
    if (!next(text)) refuse();
  }
  /// Decimal, without a sign or a leading zero.
  template <class T>
  void number(T& value) {
    const char* end = left_.data() + left_.size();
    const auto [stop, fault] = std::from_chars(left_.data(), end, value);
    const auto digits = static_cast<size_t>(stop - left_.data());
    if (fault != std::errc() || (digits > 1 && left_.front() == '0')) return refuse();
    left_.remove_prefix(digits);
  }
  void hex(std::span<std::byte> bytes) {
    if (left_.size() < 2 * bytes.size()) return refuse();
    for (std::byte& byte : bytes) {
      const int high = digit(left_[0]), low = digit(left_[1]);
      if (high < 0 || low < 0) return refuse();
      byte = static_cast<std::byte>(high * 16 + low);
      left_.remove_prefix(2);
    }
  }
  void hex(Bytes& bytes, size_t bytes_max) {
    const size_t digits = std::min(left_.find('"'), left_.size());
    if (digits / 2 > bytes_max) return refuse();
    bytes.resize(digits / 2);
    hex(bytes);
  }
  template <class Items, class Walk>
  void list(Items& items, size_t items_max, std::string_view indent, Walk walk) {
    literal("[");
    if (next("]")) return;
    do {
      if (items.size() == items_max) return refuse();
      literal("\n");
      literal(indent);
      literal("  ");
      if (!ok_) return;
      walk(items.emplace_back());
    } while (next(","));
    literal("\n");
    literal(indent);
    literal("]");
  }
  bool ok() const { return ok_; }
  bool at_end() const { return left_.empty(); }
  size_t line() const {
    const auto read = text_.substr(0, text_.size() - stopped_);
    return 1 + static_cast<size_t>(std::count(read.begin(), read.end(), '\n'));
  }
  void refuse() {
    if (ok_) stopped_ = left_.size();
    ok_ = false;
    left_ = {};
  }

 private:
  bool next(std::string_view text) {
    if (!left_.starts_with(text)) return false;
    left_.remove_prefix(text.size());
    return true;
  }
  static int digit(char c) {
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
  }

  std::string_view text_, left_;
  size_t stopped_ = 0;  // characters that were left at the fault
  bool ok_ = true;
};

/// What follows its name: a decimal string, or bytes.
template <class Archive, class T>
void quoted_number(Archive& archive, std::string_view name, T& value) {
  archive.literal(name);
  archive.literal("\"");
  archive.number(value);
  archive.literal("\",\n");
}
template <class Archive, class... Value>
void quoted_hex(Archive& archive, std::string_view name, Value&&... value) {
  archive.literal(name);
  archive.literal("\"");
  archive.hex(value...);
  archive.literal("\"");
}

template <class Archive, class C>
void walk_certificate(Archive& archive, C& certificate) {
  quoted_hex(archive, "{\n      \"instance\": ", std::span(certificate.instance));
  archive.literal(",\n      \"epoch\": ");
  archive.number(certificate.epoch);
  archive.literal(",\n      \"threads\": ");
  archive.number(certificate.threads);
  quoted_hex(archive, ",\n      \"previous\": ", std::span(certificate.previous));
  quoted_hex(archive, ",\n      \"root\": ", std::span(certificate.root));
  quoted_hex(archive, ",\n      \"secret\": ", std::span(certificate.secret));
  quoted_hex(archive, ",\n      \"signature\": ", std::span(certificate.signature.bytes));
  archive.literal("\n    }");
}

template <class Archive, class R>
void walk(Archive& archive, R& receipt) {
  const auto digest = [&archive](auto& each) { quoted_hex(archive, "", std::span(each)); };
  archive.literal("{\n  \"format\": \"themis-receipt-1\",\n  \"thread\": ");
  archive.number(receipt.thread);
  quoted_number(archive, ",\n  \"position\": ", receipt.position);
  quoted_hex(archive, "  \"client\": ", std::span(receipt.client.bytes));
  quoted_number(archive, ",\n  \"nonce\": ", receipt.nonce);
  archive.literal("  \"function\": ");
  archive.number(receipt.function);
  quoted_hex(archive, ",\n  \"keys\": ", receipt.keys, kKeysBytesMax);
  quoted_hex(archive, ",\n  \"arguments\": ", receipt.arguments, kArgumentsBytesMax);
  quoted_hex(archive, ",\n  \"result\": ", receipt.result, kResultBytesMax);
  quoted_number(archive, ",\n  \"index\": ", receipt.index);
  quoted_number(archive, "  \"size\": ", receipt.size);
  archive.literal("  \"path\": ");
  archive.list(receipt.path, kPathMax, "  ", digest);
  archive.literal(",\n  \"thread_path\": ");
  archive.list(receipt.thread_path, kThreadPathMax, "  ", digest);
  archive.literal(",\n  \"certificates\": ");
  archive.list(receipt.certificates, kCertificatesMax, "  ",
               [&archive](auto& each) { walk_certificate(archive, each); });
  archive.literal("\n}\n");
}

}  // namespace

std::string Receipt::text() const {
  Writer writer;
  walk(writer, *this);
  return writer.take();
}

Result<Receipt> Receipt::parse(std::string_view text) {
  if (text.size() > kReceiptTextMax)
    return fail(Code::too_large, "a receipt has at most 131072 characters");
  Scanner scanner(text);
  Receipt receipt;
  walk(scanner, receipt);
  if (scanner.ok() && !scanner.at_end()) scanner.refuse();
  if (!scanner.ok())
    return fail(Code::malformed,
                "line " + std::to_string(scanner.line()) + " is not that of a receipt's text");
  if (receipt.certificates.empty())
    return fail(Code::forged,
                "no certificate: the answer is provisional until its epoch is certified");
  return receipt;
}

}  // namespace themis::receipts
