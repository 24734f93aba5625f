//! OTLP/JSON: protobuf's JSON mapping (<https://protobuf.dev/programming-guides/json/>) with the
//! differences that OTLP makes of it: ids are hexadecimal.
//!
//! All that the mapping allows is read: `null` is the default, numbers may be strings and have an
//! exponent, enums have a name or a number, names are in lowerCamelCase or snake_case, unknown
//! names are passed over. Beyond that it takes what the collector takes: of two values for one
//! name the last one counts, and lists are joined.

mod reader;
mod scalar;

use opentelemetry_proto::tonic::common::v1::{
    AnyValue, ArrayValue, EntityRef, InstrumentationScope, KeyValue, KeyValueList, any_value,
};
use opentelemetry_proto::tonic::resource::v1::Resource;

pub(crate) use reader::{Problem, Read, Reader};

pub(crate) fn resource(reader: &mut Reader<'_>, read: &mut Resource) -> Read<()> {
    reader.object(|reader, name| match name {
        "attributes" => reader.list(&mut read.attributes, key_value),
        "droppedAttributesCount" | "dropped_attributes_count" => {
            reader.set_unsigned(&mut read.dropped_attributes_count)
        }
        "entityRefs" | "entity_refs" => reader.list(&mut read.entity_refs, entity_ref),
        _ => reader.skip(),
    })
}

fn entity_ref(reader: &mut Reader<'_>) -> Read<EntityRef> {
    let mut read = EntityRef::default();
    reader.object(|reader, name| match name {
        "schemaUrl" | "schema_url" => reader.set_text(&mut read.schema_url),
        "type" => reader.set_text(&mut read.r#type),
        "idKeys" | "id_keys" => reader.list(&mut read.id_keys, Reader::text),
        "descriptionKeys" | "description_keys" => {
            reader.list(&mut read.description_keys, Reader::text)
        }
        _ => reader.skip(),
    })?;
    Ok(read)
}

pub(crate) fn scope(reader: &mut Reader<'_>, read: &mut InstrumentationScope) -> Read<()> {
    reader.object(|reader, name| match name {
        "name" => reader.set_text(&mut read.name),
        "version" => reader.set_text(&mut read.version),
        "attributes" => reader.list(&mut read.attributes, key_value),
        "droppedAttributesCount" | "dropped_attributes_count" => {
            reader.set_unsigned(&mut read.dropped_attributes_count)
        }
        _ => reader.skip(),
    })
}

pub(crate) fn key_value(reader: &mut Reader<'_>) -> Read<KeyValue> {
    let mut read = KeyValue::default();
    reader.object(|reader, name| match name {
        "key" => reader.set_text(&mut read.key),
        "value" => any_value(reader, read.value.get_or_insert_default()),
        _ => reader.skip(),
    })?;
    // As the collector writes it: an empty value, not none.
    read.value.get_or_insert_default();
    Ok(read)
}

pub(crate) fn any_value(reader: &mut Reader<'_>, read: &mut AnyValue) -> Read<()> {
    use any_value::Value;
    reader.object(|reader, name| {
        // Null is an empty text or list for the collector; of the others it leaves no choice made.
        let empty = matches!(
            name,
            "stringValue"
                | "string_value"
                | "arrayValue"
                | "array_value"
                | "kvlistValue"
                | "kvlist_value"
        );
        if !empty && reader.null() {
            return Ok(());
        }
        let value = match name {
            "stringValue" | "string_value" => Value::StringValue(reader.text()?),
            "boolValue" | "bool_value" => Value::BoolValue(reader.boolean()?),
            "intValue" | "int_value" => Value::IntValue(reader.signed()?),
            "doubleValue" | "double_value" => Value::DoubleValue(reader.float()?),
            "bytesValue" | "bytes_value" => Value::BytesValue(reader.bytes()?),
            "arrayValue" | "array_value" => {
                let mut array = ArrayValue::default();
                reader.nested(|reader| {
                    reader.object(|reader, name| match name {
                        "values" => reader.list(&mut array.values, |reader| {
                            let mut value = AnyValue::default();
                            any_value(reader, &mut value)?;
                            Ok(value)
                        }),
                        _ => reader.skip(),
                    })
                })?;
                Value::ArrayValue(array)
            }
            "kvlistValue" | "kvlist_value" => {
                let mut list = KeyValueList::default();
                reader.nested(|reader| {
                    reader.object(|reader, name| match name {
                        "values" => reader.list(&mut list.values, key_value),
                        _ => reader.skip(),
                    })
                })?;
                Value::KvlistValue(list)
            }
            _ => return reader.skip(),
        };
        read.value = Some(value);
        Ok(())
    })
}
