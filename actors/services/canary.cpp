#include "actors/services/canary.hpp"

#include <algorithm>

namespace themis {

HostCanaryMsg encode_host_canary(const CanaryRow& canary, TimePoint deadline) {
  wire::Builder<schema::HostCanary> host;
  host->setName(wire::to_text(canary.row.name));
  host->setCode(wire::to_data(canary.row.version.id));
  host->setVersion(canary.row.version.number);
  host->setSecretsKey(wire::to_data(canary.row.key.view()));
  host->setPercent(static_cast<uint8_t>(canary.percent));
  return host.finish(deadline);
}

Result<CanaryRow> decode_host_canary(const HostCanaryMsg& message) {
  return wire::decode(message, [](const schema::HostCanary::Reader& from) -> Result<CanaryRow> {
    CanaryRow canary;
    canary.row.name = wire::text_of(from.getName());
    canary.row.version.number = from.getVersion();
    canary.percent = from.getPercent();
    const ByteView id = wire::bytes_of(from.getCode());
    if (!is_function_name(canary.row.name) || id.size() != canary.row.version.id.size() ||
        canary.percent == 0 || canary.percent > kCanaryPercentMax)
      return fail(Code::malformed, "a canary that is none");
    std::ranges::copy(id, canary.row.version.id.begin());
    THEMIS_TRY(canary.row.key, bundle::SharedKey::from(wire::bytes_of(from.getSecretsKey())));
    return canary;
  });
}

}  // namespace themis
