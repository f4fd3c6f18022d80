#pragma once
// The part of ada's C interface (https://github.com/ada-url/ada, include/ada_c.h, version 4) that
// we use. The node executable exports it without a header. Weak: one that is missing is found at
// start, by name.

#include <cstddef>
#include <cstdint>
#include <string_view>

extern "C" {

struct ada_string {
  const char* data;
  size_t length;
};
struct ada_owned_string {
  const char* data;
  size_t length;
};
/// Offsets into the href; 0xFFFFFFFF where a part is absent.
struct ada_url_components {
  uint32_t protocol_end;
  uint32_t username_end;
  uint32_t host_start;
  uint32_t host_end;
  uint32_t port;
  uint32_t pathname_start;
  uint32_t search_start;
  uint32_t hash_start;
};
using ada_url = void*;

#define THEMIS_ADA [[gnu::weak]]
THEMIS_ADA ada_url ada_parse(const char* input, size_t length);
THEMIS_ADA ada_url ada_parse_with_base(const char* input, size_t input_length, const char* base,
                                       size_t base_length);
THEMIS_ADA bool ada_is_valid(ada_url url);
THEMIS_ADA void ada_free(ada_url url);
THEMIS_ADA ada_string ada_get_href(ada_url url);
THEMIS_ADA ada_owned_string ada_get_origin(ada_url url);
THEMIS_ADA void ada_free_owned_string(ada_owned_string owned);
THEMIS_ADA const ada_url_components* ada_get_components(ada_url url);
THEMIS_ADA bool ada_set_href(ada_url url, const char* input, size_t length);
THEMIS_ADA bool ada_set_host(ada_url url, const char* input, size_t length);
THEMIS_ADA bool ada_set_hostname(ada_url url, const char* input, size_t length);
THEMIS_ADA bool ada_set_protocol(ada_url url, const char* input, size_t length);
THEMIS_ADA bool ada_set_username(ada_url url, const char* input, size_t length);
THEMIS_ADA bool ada_set_password(ada_url url, const char* input, size_t length);
THEMIS_ADA bool ada_set_port(ada_url url, const char* input, size_t length);
THEMIS_ADA bool ada_set_pathname(ada_url url, const char* input, size_t length);
THEMIS_ADA void ada_set_search(ada_url url, const char* input, size_t length);
THEMIS_ADA void ada_set_hash(ada_url url, const char* input, size_t length);
#undef THEMIS_ADA
}

namespace themis::js {

/// A parsed URL of ada's, freed at the end.
class AdaUrl {
 public:
  explicit AdaUrl(std::string_view input) : url_(ada_parse(input.data(), input.size())) {}
  AdaUrl(std::string_view input, std::string_view base)
      : url_(ada_parse_with_base(input.data(), input.size(), base.data(), base.size())) {}
  ~AdaUrl() {
    if (url_ != nullptr) ada_free(url_);
  }
  AdaUrl(const AdaUrl&) = delete;
  AdaUrl& operator=(const AdaUrl&) = delete;

  bool valid() const { return url_ != nullptr && ada_is_valid(url_); }
  std::string_view href() const {
    const ada_string href = ada_get_href(url_);
    return {href.data, href.length};
  }
  ada_url get() const { return url_; }

 private:
  const ada_url url_;
};

}  // namespace themis::js
