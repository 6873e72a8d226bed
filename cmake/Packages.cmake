# What is installed, and the packages that CPack makes of it (scripts/package.sh, docs/packages.md).
#
# Everything is found relative to the program, so that a prefix can be moved. Components: `program`
# is in every package; `other` in all but Debian's, which has its places for some of it; `debian`,
# whose paths begin at the root, only in that.

set(private_name distributed-classifier)
set(private_libraries lib/${private_name})
set(private_share share/${private_name})
set(documents share/doc/classifier)
set(CMAKE_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ
  GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)

install(TARGETS classifier DESTINATION bin COMPONENT program)

# Of OpenVINO, the CPU plugin and the readers of model formats; not those of other devices,
# languages and formats.
foreach(pattern libopenvino.so.* libopenvino_intel_cpu_plugin.so libopenvino_ir_frontend.so.*
    libopenvino_onnx_frontend.so.* libopenvino_tensorflow_lite_frontend.so.* libtbb.so.*
    libtbbmalloc.so.* libtbbbind_2_5.so.* libhwloc.so.*)
  file(GLOB library "${site_packages}/openvino/libs/${pattern}")
  if(NOT library)
    message(FATAL_ERROR "${pattern} is missing in ${site_packages}/openvino/libs: run scripts/setup.sh.")
  endif()
  install(FILES ${library} DESTINATION ${private_libraries} COMPONENT program)
endforeach()
install(FILES "${OPENVINO_TOKENIZERS_LIBRARY}" DESTINATION ${private_libraries} COMPONENT program)
file(GLOB notices "${site_packages}/openvino-*.dist-info/licenses/licensing/*")
install(FILES ${notices} DESTINATION ${documents}/third-party COMPONENT program)
file(GLOB notices "${site_packages}/openvino_tokenizers-*.dist-info/third-party-programs.txt")
install(FILES ${notices} DESTINATION ${documents}/third-party
  RENAME tokenizers_third-party-programs.txt COMPONENT program)

install(CODE "
  if(NOT EXISTS \"${CMAKE_SOURCE_DIR}/dashboard/dist/index.html\")
    message(FATAL_ERROR \"The page is not built: run scripts/setup.sh first.\")
  endif()" COMPONENT program)
install(DIRECTORY dashboard/dist/ DESTINATION ${private_share}/dashboard COMPONENT program
  PATTERN .built EXCLUDE)

install(DIRECTORY models/export DESTINATION ${private_share}/exporter COMPONENT program
  FILES_MATCHING PATTERN "*.py" PATTERN __pycache__ EXCLUDE)
install(FILES models/requirements.txt DESTINATION ${private_share}/exporter COMPONENT program)

install(FILES NOTICE docs/packages.md DESTINATION ${documents} COMPONENT program)
install(FILES LICENSE DESTINATION ${documents} COMPONENT other)

# The manual page and completions are made of the program's help, by the program. (CMake's script of
# the installation compares the names of components with its variables, so none is called as one.)
set(generated "${CMAKE_BINARY_DIR}/generated")
string(CONFIGURE [[
  file(MAKE_DIRECTORY "@generated@")
  foreach(kind bash zsh fish man)
    execute_process(COMMAND "@CMAKE_BINARY_DIR@/classifier" generate ${kind} OUTPUT_FILE "@generated@/${kind}"
      COMMAND_ERROR_IS_FATAL ANY)
  endforeach()
  execute_process(COMMAND gzip -9nc "@generated@/man" OUTPUT_FILE "@generated@/man.gz"
    COMMAND_ERROR_IS_FATAL ANY)
  execute_process(COMMAND gzip -9nc "@CMAKE_SOURCE_DIR@/packaging/changelog"
    OUTPUT_FILE "@generated@/changelog.gz" COMMAND_ERROR_IS_FATAL ANY)]] generate @ONLY)
install(CODE "${generate}" COMPONENT program)
install(FILES "${generated}/man.gz" DESTINATION share/man/man1 RENAME classifier.1.gz
  COMPONENT program)
install(FILES "${generated}/bash" DESTINATION share/bash-completion/completions RENAME classifier
  COMPONENT program)
install(FILES "${generated}/fish" DESTINATION share/fish/vendor_completions.d
  RENAME classifier.fish COMPONENT program)
install(FILES "${generated}/zsh" DESTINATION share/zsh/site-functions RENAME _classifier
  COMPONENT other)

# debian(<file> <folder> [<name>]): of the .deb only.
function(debian file folder)
  set(rename)
  if(ARGN)
    set(rename RENAME ${ARGN})
  endif()
  install(FILES "${file}" DESTINATION ${folder} ${rename} COMPONENT debian EXCLUDE_FROM_ALL)
endfunction()
debian("${generated}/zsh" usr/share/zsh/vendor-completions _classifier)
debian("${generated}/changelog.gz" usr/${documents})
debian(packaging/copyright usr/${documents})
debian(packaging/distributed-classifier.service usr/lib/systemd/system)
debian(packaging/distributed-classifier.default etc/default distributed-classifier)

set(CPACK_PACKAGE_NAME classifier)
set(CPACK_PACKAGE_VERSION "${PROJECT_VERSION}")
set(CPACK_PACKAGE_VENDOR "Distributed image classifier")
set(CPACK_PACKAGE_CONTACT
  "Distributed image classifier maintainers <maintainers@classifier.invalid>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "label photos by the thousand, into any categories")
set(CPACK_RESOURCE_FILE_LICENSE "${CMAKE_SOURCE_DIR}/LICENSE")
set(CPACK_GENERATOR "DEB;TGZ")
set(CPACK_STRIP_FILES ON)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS ${CMAKE_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS})
set(CPACK_PROJECT_CONFIG_FILE "${CMAKE_BINARY_DIR}/CPackChoice.cmake")
configure_file(cmake/CPackChoice.cmake.in CPackChoice.cmake @ONLY)

# The libraries that the program links are the distribution's, and their names differ; so the name
# of the .tar.gz, which has no dependencies to say so, names the distribution.
set(distribution unknown)
if(EXISTS /etc/os-release)
  file(STRINGS /etc/os-release release REGEX "^(ID|VERSION_ID)=")
  list(JOIN release ";" release)
  string(REGEX MATCH "(^|;)ID=\"?([^\";]*)" _ "${release}")
  set(distribution "${CMAKE_MATCH_2}")
  string(REGEX MATCH "(^|;)VERSION_ID=\"?([^\";]*)" _ "${release}")
  string(APPEND distribution "${CMAKE_MATCH_2}")
endif()
set(CPACK_PACKAGE_FILE_NAME "classifier_${PROJECT_VERSION}_${distribution}_amd64")

set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_COMPRESSION_TYPE xz)
set(CPACK_DEBIAN_PACKAGE_SECTION graphics)
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
set(CPACK_DEBIAN_PACKAGE_DEPENDS "adduser")
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS "ca-certificates, python3-venv, wordnet-base")
if(distribution MATCHES "^ubuntu")  # there the decoders of libheif are packages of their own
  string(APPEND CPACK_DEBIAN_PACKAGE_DEPENDS ", libheif-plugin-libde265, libheif-plugin-dav1d")
endif()
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS_PRIVATE_DIRS "${site_packages}/openvino/libs")
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_PACKAGE_DESCRIPTION
"Labels photos into ImageNet's 1,000 classes, or into categories that the user
names: from the command line, over HTTP, or in a web page. One machine does it
by itself; on AWS, any number of them share the work.
.
The models are not in this package: `classifier models fetch` makes them.")
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA "${CMAKE_SOURCE_DIR}/packaging/postinst"
  "${CMAKE_SOURCE_DIR}/packaging/prerm" "${CMAKE_SOURCE_DIR}/packaging/postrm"
  "${CMAKE_BINARY_DIR}/conffiles")
file(WRITE "${CMAKE_BINARY_DIR}/conffiles" "/etc/default/distributed-classifier\n")
include(CPack)
