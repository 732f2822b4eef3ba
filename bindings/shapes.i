/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every opaque type of the C API as an empty struct, so that SWIG makes something of it. One line a
 * type; each language's llmd.i defines LLMD_HANDLE(type, Name) before it includes this file.
 */
LLMD_HANDLE(llmd_context, Context)
LLMD_HANDLE(llmd_credentials, Credentials)
LLMD_HANDLE(llmd_task, Task)
LLMD_HANDLE(llmd_event, Event)
LLMD_HANDLE(llmd_kube, Kube)
LLMD_HANDLE(llmd_apply_spec, ApplySpec)
LLMD_HANDLE(llmd_kube_list, KubeList)
LLMD_HANDLE(llmd_kube_watch, KubeWatch)
LLMD_HANDLE(llmd_kube_logs, KubeLogs)
LLMD_HANDLE(llmd_kube_change, KubeChange)
LLMD_HANDLE(llmd_gateway_spec, GatewaySpec)
LLMD_HANDLE(llmd_gateway, Gateway)
LLMD_HANDLE(llmd_gateway_list, GatewayList)
LLMD_HANDLE(llmd_service_spec, ServiceSpec)
LLMD_HANDLE(llmd_service, Service)
LLMD_HANDLE(llmd_service_list, ServiceList)
LLMD_HANDLE(llmd_endpoint_spec, EndpointSpec)
LLMD_HANDLE(llmd_endpoint, Endpoint)
LLMD_HANDLE(llmd_request, Request)
LLMD_HANDLE(llmd_reply, Reply)
LLMD_HANDLE(llmd_delta, Delta)
LLMD_HANDLE(llmd_stream, Stream)
LLMD_HANDLE(llmd_mux, Mux)
