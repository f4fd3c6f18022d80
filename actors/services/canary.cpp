#include "actors/services/canary.hpp"

#include <algorithm>
#include <charconv>

#include "actors/mesh/instance.hpp"

namespace themis {
namespace {

constexpr std::string_view kMark = "#canary";

}  // namespace

std::string canary_key(std::string_view name) { return std::string(name).append(kMark); }

bool is_canary_key(std::string_view key) { return key.ends_with(kMark); }

std::string function_of_key(std::string_view key) {
  if (is_canary_key(key)) key.remove_suffix(kMark.size());
  return std::string(key);
}

void add_canary_labels(ring::Labels& labels, const CanaryShare& share, uint32_t version,
                       bool beside) {
  labels.emplace_back(mesh::kCanaryLabel, std::to_string(share.percent));
  if (beside) labels.emplace_back(mesh::kCanaryVersionLabel, std::to_string(version));
  if (share.sticky) labels.emplace_back(mesh::kStickyLabel, share.sticky->text());
}

std::optional<AnnouncedCanary> announced_canary(const ring::Labels& labels, uint32_t version) {
  if (!mesh::label_of(labels, mesh::kCanaryLabel)) return std::nullopt;
  AnnouncedCanary canary{version};
  const auto other = mesh::label_of(labels, mesh::kCanaryVersionLabel);
  if (!other) return canary;
  canary.beside = true;
  const auto [end, error] = std::from_chars(other->begin(), other->end(), canary.version);
  if (error != std::errc{} || end != other->end()) return std::nullopt;
  return canary;
}

HostCanaryMsg encode_host_canary(const CanaryRow& canary, TimePoint deadline) {
  wire::Builder<schema::HostCanary> host;
  host->setName(wire::to_text(canary.row.name));
  host->setCode(wire::to_data(canary.row.version.id));
  host->setVersion(canary.row.version.number);
  host->setSecretsKey(wire::to_data(canary.row.key.view()));
  host->setPercent(static_cast<uint8_t>(canary.share.percent));
  if (canary.share.sticky) host->setSticky(wire::to_text(canary.share.sticky->text()));
  return host.finish(deadline);
}

Result<CanaryRow> decode_host_canary(const HostCanaryMsg& message) {
  return wire::decode(message, [](const schema::HostCanary::Reader& from) -> Result<CanaryRow> {
    CanaryRow canary;
    canary.row.name = wire::text_of(from.getName());
    canary.row.version.number = from.getVersion();
    canary.share.percent = from.getPercent();
    const ByteView id = wire::bytes_of(from.getCode());
    if (!is_function_name(canary.row.name) || id.size() != canary.row.version.id.size() ||
        canary.share.percent == 0 || canary.share.percent > kCanaryPercentMax)
      return fail(Code::malformed, "a canary that is none");
    if (from.getSticky().size() > 0) {
      const auto sticky = mesh::Sticky::parse(wire::text_of(from.getSticky()));
      if (!sticky) return fail(Code::malformed, sticky.error().detail);
      canary.share.sticky = *sticky;
    }
    std::ranges::copy(id, canary.row.version.id.begin());
    THEMIS_TRY(canary.row.key, bundle::SharedKey::from(wire::bytes_of(from.getSecretsKey())));
    return canary;
  });
}

}  // namespace themis
