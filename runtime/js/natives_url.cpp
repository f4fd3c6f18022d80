// URL through ada, and application/x-www-form-urlencoded.
#include <array>

#include "runtime/js/ada.hpp"
#include "runtime/js/codec.hpp"
#include "runtime/js/icu.hpp"
#include "runtime/js/natives.hpp"
#include "runtime/js/text.hpp"

namespace themis::js {
namespace {

using Info = v8::FunctionCallbackInfo<v8::Value>;

std::string string_argument(const Info& info, int index) {
  if (!info[index]->IsString() || is_too_long(info, index)) return {};
  return to_utf8(info.GetIsolate(), info[index].As<v8::String>());
}

/// [href, protocol_end, username_end, host_start, host_end, port, pathname_start, search_start,
/// hash_start], -1 for an absent part; nothing for a URL that does not parse. The prelude slices.
void return_url(const Info& info, const AdaUrl& url) {
  if (!url.valid()) return;
  v8::Isolate* isolate = info.GetIsolate();
  v8::Local<v8::String> href;
  if (!from_utf8(isolate, url.href()).ToLocal(&href)) return;
  const ada_url_components& parts = *ada_get_components(url.get());
  const auto number = [isolate](uint32_t value) -> v8::Local<v8::Value> {
    return v8::Integer::New(isolate, static_cast<int32_t>(value));  // 0xFFFFFFFF becomes -1
  };
  std::array<v8::Local<v8::Value>, 9> values{href,
                                             number(parts.protocol_end),
                                             number(parts.username_end),
                                             number(parts.host_start),
                                             number(parts.host_end),
                                             number(parts.port),
                                             number(parts.pathname_start),
                                             number(parts.search_start),
                                             number(parts.hash_start)};
  info.GetReturnValue().Set(v8::Array::New(isolate, values.data(), values.size()));
}

/// urlParse(input, base or undefined)
void url_parse(const Info& info) {
  const std::string input = string_argument(info, 0);
  if (!info[1]->IsString()) return return_url(info, AdaUrl(input));
  return_url(info, AdaUrl(input, string_argument(info, 1)));
}

/// Index is the prelude's: kSetters in url.js.
enum Part {
  kHref,
  kProtocol,
  kUsername,
  kPassword,
  kHost,
  kHostname,
  kPort,
  kPathname,
  kSearch,
  kHash
};

/// urlSet(href, part, value): the URL with one part replaced; unchanged when the value is refused.
void url_set(const Info& info) {
  const AdaUrl url(string_argument(info, 0));
  if (!url.valid()) return;
  const std::string value = string_argument(info, 2);
  const char* data = value.data();
  const size_t size = value.size();
  switch (info[1]->IsInt32() ? info[1].As<v8::Int32>()->Value() : -1) {
    case kHref:
      if (!ada_set_href(url.get(), data, size)) return;
      break;
    case kProtocol:
      ada_set_protocol(url.get(), data, size);
      break;
    case kUsername:
      ada_set_username(url.get(), data, size);
      break;
    case kPassword:
      ada_set_password(url.get(), data, size);
      break;
    case kHost:
      ada_set_host(url.get(), data, size);
      break;
    case kHostname:
      ada_set_hostname(url.get(), data, size);
      break;
    case kPort:
      ada_set_port(url.get(), data, size);
      break;
    case kPathname:
      ada_set_pathname(url.get(), data, size);
      break;
    case kSearch:
      ada_set_search(url.get(), data, size);
      break;
    case kHash:
      ada_set_hash(url.get(), data, size);
      break;
    default:
      return;
  }
  return_url(info, url);
}

/// urlOrigin(href)
void url_origin(const Info& info) {
  const AdaUrl url(string_argument(info, 0));
  if (!url.valid()) return;
  const ada_owned_string origin = ada_get_origin(url.get());
  v8::Local<v8::String> out;
  if (from_utf8(info.GetIsolate(), {origin.data, origin.length}).ToLocal(&out))
    info.GetReturnValue().Set(out);
  ada_free_owned_string(origin);
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/// formDecode(text): "+" is a space, "%41" is a byte; then UTF-8.
void form_decode(const Info& info) {
  const std::string in = string_argument(info, 0);
  std::string out;
  out.reserve(in.size());
  for (size_t i = 0; i < in.size(); ++i) {
    if (in[i] == '%' && i + 2 < in.size() && hex_digit(in[i + 1]) >= 0 &&
        hex_digit(in[i + 2]) >= 0) {
      out += static_cast<char>(hex_digit(in[i + 1]) * 16 + hex_digit(in[i + 2]));
      i += 2;
    } else {
      out += in[i] == '+' ? ' ' : in[i];
    }
  }
  v8::Local<v8::String> text;
  if (from_utf8(info.GetIsolate(), out).ToLocal(&text)) info.GetReturnValue().Set(text);
}

/// formEncode(text): the inverse, with the percent-encode set of the URL standard, section 5.2.
void form_encode(const Info& info) {
  constexpr char kHexDigits[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : string_argument(info, 0)) {
    const auto byte = static_cast<unsigned char>(c);
    const bool alphanumeric =
        (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
    if (alphanumeric || c == '*' || c == '-' || c == '.' || c == '_') {
      out += c;
    } else if (c == ' ') {
      out += '+';
    } else {
      out += '%';
      out += kHexDigits[byte >> 4];
      out += kHexDigits[byte & 15];
    }
  }
  v8::Local<v8::String> text;
  if (from_latin1(info.GetIsolate(), out).ToLocal(&text)) info.GetReturnValue().Set(text);
}

constexpr Native kNatives[] = {{"urlParse", url_parse},
                               {"urlSet", url_set},
                               {"urlOrigin", url_origin},
                               {"formDecode", form_decode},
                               {"formEncode", form_encode}};

}  // namespace

std::span<const Native> url_natives() { return kNatives; }

std::string missing_executable_function() {
  const std::pair<const char*, const void*> needed[] = {
#define THEMIS_NEEDED(name) {#name, reinterpret_cast<const void*>(&name)}
      THEMIS_NEEDED(ada_parse),
      THEMIS_NEEDED(ada_parse_with_base),
      THEMIS_NEEDED(ada_is_valid),
      THEMIS_NEEDED(ada_free),
      THEMIS_NEEDED(ada_get_href),
      THEMIS_NEEDED(ada_get_origin),
      THEMIS_NEEDED(ada_get_components),
      THEMIS_NEEDED(ada_free_owned_string),
      THEMIS_NEEDED(ada_set_href),
      THEMIS_NEEDED(ada_set_host),
      THEMIS_NEEDED(ada_set_hostname),
      THEMIS_NEEDED(ada_set_protocol),
      THEMIS_NEEDED(ada_set_username),
      THEMIS_NEEDED(ada_set_password),
      THEMIS_NEEDED(ada_set_port),
      THEMIS_NEEDED(ada_set_pathname),
      THEMIS_NEEDED(ada_set_search),
      THEMIS_NEEDED(ada_set_hash),
      THEMIS_NEEDED(ucnv_open_78),
      THEMIS_NEEDED(ucnv_close_78),
      THEMIS_NEEDED(ucnv_reset_78),
      THEMIS_NEEDED(ucnv_toUnicode_78),
      THEMIS_NEEDED(ucnv_setToUCallBack_78),
      THEMIS_NEEDED(UCNV_TO_U_CALLBACK_STOP_78)
#undef THEMIS_NEEDED
  };
  for (const auto& [name, address] : needed)
    if (address == nullptr) return name;
  return missing_codec_function();
}

}  // namespace themis::js
