#include "actors/flows/flow_codec.hpp"

namespace themis {

FlowId new_flow_id(Rng& rng) {
  FlowId flow = 0;
  while (flow == 0) flow = rng.next();
  return flow;
}

PullMsg encode_pull(FlowId flow, TimePoint deadline) {
  wire::Builder<schema::Pull> pull(4);
  pull->setFlow(flow);
  return pull.finish(deadline);
}

Result<FlowId> decode_pull(const PullMsg& message) {
  return wire::decode(
      message, [](const schema::Pull::Reader& pull) -> Result<FlowId> { return pull.getFlow(); });
}

DropFlowMsg encode_drop_flow(FlowId flow) {
  wire::Builder<schema::DropFlow> drop(4);
  drop->setFlow(flow);
  return drop.finish();
}

Result<FlowId> decode_drop_flow(const DropFlowMsg& message) {
  return wire::decode(message, [](const schema::DropFlow::Reader& drop) -> Result<FlowId> {
    return drop.getFlow();
  });
}

BodyPartMsg encode_part(js::Part::Kind kind, ByteView data, uint16_t code) {
  wire::Builder<schema::BodyPart> part(8 + data.size() / wire::Frame::kWordBytes);
  part->setKind(static_cast<uint8_t>(kind));
  part->setData(wire::to_data(data));
  part->setCode(code);
  return part.finish();
}

Result<js::Part> decode_part(const BodyPartMsg& message) {
  return wire::decode(message, [](const schema::BodyPart::Reader& part) -> Result<js::Part> {
    if (part.getKind() > static_cast<uint8_t>(js::Part::Kind::close))
      return fail(Code::malformed, "a part of a body of no known kind");
    const ByteView data = wire::bytes_of(part.getData());
    if (data.size() > kPartBytesMax) return fail(Code::too_large, "a part of a body over 1 MB");
    return js::Part{static_cast<js::Part::Kind>(part.getKind()), Bytes(data.begin(), data.end()),
                    part.getCode()};
  });
}

}  // namespace themis
