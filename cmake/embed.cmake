# Turns files into one C++ source that defines FUNCTION, which HEADER declares in NAMESPACE to give a
# span of base::Asset: cmake -DOUT=… -DFILES=a;b -DHEADER=… -DNAMESPACE=… -DFUNCTION=… -P embed.cmake.
set(body "")
set(rows "")
set(number 0)
foreach(file IN LISTS FILES)
  file(READ "${file}" text HEX)
  string(LENGTH "${text}" length)
  math(EXPR length "${length} / 2")
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "\\\\x\\1" text "${text}")
  # One literal per 16 bytes: an escape would swallow the digits behind it only within a literal.
  string(REGEX REPLACE "((\\\\x[0-9a-f][0-9a-f])(\\\\x[0-9a-f][0-9a-f])?(\\\\x[0-9a-f][0-9a-f])?(\\\\x[0-9a-f][0-9a-f])?)" "\"\\1\"\n" text "${text}")
  get_filename_component(name "${file}" NAME)
  string(APPEND body "constexpr char kFile${number}[] =\n${text}\"\";\n")
  string(APPEND rows "    {\"/${name}\", {kFile${number}, ${length}}},\n")
  math(EXPR number "${number} + 1")
endforeach()
file(WRITE "${OUT}" "// Written by cmake/embed.cmake.\n#include \"${HEADER}\"\n\n\
#include <array>\n\nnamespace ${NAMESPACE} {\nnamespace {\n\n${body}\n\
constexpr std::array<base::Asset, ${number}> kAssets{{\n${rows}}};\n\n}  // namespace\n\n\
std::span<const base::Asset> ${FUNCTION}() {\n  return kAssets;\n}\n\n}  // namespace ${NAMESPACE}\n")
