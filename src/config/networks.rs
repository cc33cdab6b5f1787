//! Networks, as operators write them: `10.0.0.0/8, ::1`.

use std::net::IpAddr;

use ipnet::IpNet;

/// Networks separated by commas. An address alone is a network of one.
pub(super) fn parse(text: &str) -> Option<Vec<IpNet>> {
    text.split(',').map(|part| network(part.trim())).collect()
}

fn network(text: &str) -> Option<IpNet> {
    let network = text.parse::<IpNet>();
    network
        .or_else(|_| text.parse::<IpAddr>().map(IpNet::from))
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_or_addresses() {
        let read = |text| {
            let networks: Vec<IpNet> = parse(text)?;
            Some(networks.iter().map(IpNet::to_string).collect::<Vec<_>>())
        };
        let told = ["10.0.0.0/8", "::1/128"].map(str::to_owned);
        assert_eq!(read("10.0.0.0/8, ::1"), Some(told.to_vec()));
        for bad in ["", "10.0.0.0/33", "10.0.0.0/8,", "example.org", "10.0.0"] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }
}
