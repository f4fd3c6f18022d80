#include "actors/services/use_codec.hpp"

#include "actors/services/function_types.hpp"

namespace themis {
namespace {

/// Errors: malformed.
Result<std::string> read_name(capnp::Text::Reader text) {
  const std::string_view name = wire::text_of(text);
  if (!is_function_name(name)) return fail(Code::malformed, "not a function's name");
  return std::string(name);
}

}  // namespace

MeasureFunctionsMsg encode_measure(const std::vector<std::string>& names, TimePoint deadline) {
  constexpr size_t kNameWords = 1 + (kFunctionNameBytesMax + 8) / wire::Frame::kWordBytes;
  wire::Builder<schema::MeasureFunctions> to(8 + names.size() * kNameWords);
  auto list = to->initNames(static_cast<unsigned>(names.size()));
  for (unsigned i = 0; i < list.size(); ++i) list.set(i, wire::to_text(names[i]));
  return to.finish(deadline);
}

Result<std::vector<std::string>> decode_measure(const MeasureFunctionsMsg& message) {
  using Names = std::vector<std::string>;
  return wire::decode(message, [](const schema::MeasureFunctions::Reader& from) -> Result<Names> {
    if (from.getNames().size() > kMeasuredNamesMax)
      return fail(Code::malformed, "more names than one question may have");
    Names names;
    for (const capnp::Text::Reader text : from.getNames()) {
      THEMIS_TRY(std::string name, read_name(text));
      names.push_back(std::move(name));
    }
    return names;
  });
}

FunctionsMeasuredMsg encode_measured(const std::vector<RunningFunction>& functions) {
  constexpr size_t kFunctionWords = 6 + kFunctionNameBytesMax / wire::Frame::kWordBytes;
  wire::Builder<schema::FunctionsMeasured> to(8 + functions.size() * kFunctionWords);
  auto list = to->initFunctions(static_cast<unsigned>(functions.size()));
  for (unsigned i = 0; i < list.size(); ++i) {
    list[i].setName(wire::to_text(functions[i].name));
    list[i].setVersion(functions[i].version);
    list[i].setIsolates(functions[i].isolates);
    list[i].setMemoryKb(functions[i].memory_kb);
  }
  return to.finish();
}

Result<std::vector<RunningFunction>> decode_measured(const FunctionsMeasuredMsg& message) {
  using All = std::vector<RunningFunction>;
  return wire::decode(message, [](const schema::FunctionsMeasured::Reader& from) -> Result<All> {
    if (from.getFunctions().size() > kMeasuredNamesMax * kVersionsRunningMax)
      return fail(Code::malformed, "more functions than were asked for");
    All all;
    for (const schema::FunctionsMeasured::Function::Reader one : from.getFunctions()) {
      if (one.getIsolates() > kIsolatesToldMax || one.getMemoryKb() > kMemoryToldMaxKb)
        return fail(Code::malformed, "more isolates or memory than a node has");
      THEMIS_TRY(std::string name, read_name(one.getName()));
      all.push_back({std::move(name), one.getVersion(), one.getIsolates(), one.getMemoryKb()});
    }
    return all;
  });
}

}  // namespace themis
