/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The raw Go package: every C object and every text is an address, an uintptr. Package llmd gives
 * them types, owners and Go's errors; text.go copies text in and out.
 */
%module raw

%{
#include <llmd/llmd.h>
%}

%include "stdint.i"
%nodefaultctor;
%nodefaultdtor;
%rename("%(strip:[llmd_])s") "";
%include "../../../hidden.i"

%typemap(gotype) SWIGTYPE *, const char * "uintptr"
%typemap(imtype) SWIGTYPE *, const char * "uintptr"
%typemap(goin) SWIGTYPE *, const char * "$result = $input"
%typemap(goout) SWIGTYPE *, const char * "$result = $1"
%typemap(in) SWIGTYPE *, const char * %{ $1 = ($1_ltype)$input; %}
%typemap(out) SWIGTYPE *, const char * %{ $result = (void *)$1; %}
%typemap(freearg) const char * ""
%typemap(argout) const char * ""

/* llmd_free is hidden, but outputs are texts that Go must free. */
%typemap(gotype) char *text "uintptr"
%typemap(imtype) char *text "uintptr"
%typemap(goin) char *text "$result = $input"
%typemap(in) char *text %{ $1 = ($1_ltype)$input; %}
%typemap(freearg) char *text ""
%typemap(argout) char *text ""

/* An output is a slot in Go memory without Go pointers inside; C fills it during the call only. */
%typemap(gotype) SWIGTYPE **out, char **out "*uintptr"
%typemap(imtype) SWIGTYPE **out, char **out "*C.uintptr_t"
%typemap(goin) SWIGTYPE **out, char **out "$result = (*C.uintptr_t)(unsafe.Pointer($input))"
%typemap(in) SWIGTYPE **out, char **out %{ $1 = ($1_ltype)$input; %}

/* An output without a typemap must not compile. */
%typemap(in) SWIGTYPE ** "llmd_output_without_a_typemap_$1_name();"

%include "../../../api.i"
