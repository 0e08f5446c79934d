//! XML for answers that hold a secret: read strictly, and without a copy of what must not be left behind.
//!
//! There is no document type, and so no entity of its own; the numbers of nodes and attributes are bounded; and a text is taken
//! only where it stands as it is, without escapes.

use roxmltree::{Document, Node, ParsingOptions, StringStorage};

/// Reads a document of so many nodes at most, and with no more `=`.
pub(crate) fn parse(text: &str, nodes: u32) -> Option<Document<'_>> {
    // The parser compares each attribute and each namespace of an element with each other one, and counts neither. Every one has
    // a `=`; beside them only base64 and messages have some.
    if text.bytes().filter(|&byte| byte == b'=').count() > usize::try_from(nodes).unwrap_or(usize::MAX) {
        return None;
    }
    // The parser takes `<:a>` for `<a>`. SPEC: Namespaces in XML 1.0, section 4: what stands before the colon is a name.
    if text.contains("<:") || text.contains("</:") {
        return None;
    }
    let options = ParsingOptions { allow_dtd: false, nodes_limit: nodes, entity_resolver: None };
    Document::parse_with_options(text, options).ok()
}

/// Whether an element has this name and namespace, and no attributes.
pub(crate) fn is_plain(node: Node<'_, '_>, name: &str, namespace: Option<&str>) -> bool {
    node.is_element()
        && node.tag_name().name() == name
        && node.tag_name().namespace() == namespace
        && node.attributes().len() == 0
}

/// Whether a node is text that is more than the blanks between elements.
pub(crate) fn is_stray_text(node: Node<'_, '_>) -> bool {
    node.is_text() && node.text().is_some_and(|text| !text.trim_ascii().is_empty())
}

/// The text of an element, as it stands in the document: no copy of a secret is left behind.
pub(crate) fn plain_text<'a>(node: Node<'_, 'a>, name: &str, namespace: Option<&str>) -> Option<&'a str> {
    let mut children = node.children();
    let (text, None) = (children.next()?, children.next()) else { return None };
    match text.text_storage() {
        Some(StringStorage::Borrowed(text)) if is_plain(node, name, namespace) && !text.is_empty() => Some(*text),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_attributes_and_namespaces_are_bounded() {
        let with = |attributes: usize, name: &str| {
            let attributes: alloc::vec::Vec<_> =
                (0..attributes).map(|number| alloc::format!(" {name}{number}=\"u\"")).collect();
            alloc::format!("<a{}/>", attributes.concat())
        };
        for name in ["b", "xmlns:b"] {
            assert!(parse(&with(8, name), 8).is_some());
            assert!(parse(&with(9, name), 8).is_none(), "each is compared with each: {name}");
        }
        assert!(parse(&alloc::format!("<a>{}</a>", "<b/>".repeat(6)), 8).is_some());
        assert!(parse(&alloc::format!("<a>{}</a>", "<b/>".repeat(8)), 8).is_none());
        assert!(parse("<!DOCTYPE a><a/>", 8).is_none());
    }

    #[test]
    fn an_empty_prefix_is_none() {
        for document in ["<:a></a>", "<a></:a>", "<:a></:a>", "<a><:b/></a>"] {
            assert!(parse(document, 8).is_none(), "{document}");
        }
        assert!(parse("<a>:<b/>:</a>", 8).is_some());
    }
}
